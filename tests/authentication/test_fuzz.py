"""Arbitrary Authorization headers, at a view that accepts all three schemes."""

from __future__ import annotations

import base64

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core.secret_strings import make_client_id, make_identifier, make_secret

pytestmark = pytest.mark.django_db

# What a server makes of bytes: Latin-1.
LATIN_1 = st.text(st.characters(max_codepoint=0xFF))
SCHEMES = st.sampled_from(["Bearer", "ApiKey", "Basic", "basic", "BEARER", "Digest", ""])
SEGMENT = st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
PAIR = st.tuples(
    LATIN_1 | st.builds(make_client_id, st.just("ci_live")),
    LATIN_1 | st.just(make_secret(make_identifier("cs_live")).raw_secret),
).map(lambda pair: base64.b64encode(":".join(pair).encode()).decode())
PARAMETERS = st.one_of(
    LATIN_1,
    PAIR,
    st.lists(SEGMENT, min_size=1, max_size=5).map(".".join),
    st.binary().map(lambda raw: base64.b64encode(raw).decode()),
    LATIN_1.map(make_identifier("sk_live").__add__),
    st.just(make_secret(make_identifier("sk_live")).raw_secret),
)


@given(SCHEMES, PARAMETERS)
def test_is_refused_in_our_shape_and_never_breaks_anything(scheme, parameter):
    header = {"authorization": f"{scheme} {parameter}"}
    answer = Client().get("/keep", headers=header, secure=True)
    assert answer.status_code in {400, 401}
    assert set(answer.json()) == {"error", "error_description"}
    assert ("WWW-Authenticate" in answer) is (answer.status_code == 401)
