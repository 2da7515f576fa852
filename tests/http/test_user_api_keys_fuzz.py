"""Random input does not crash the self-service endpoints."""

from __future__ import annotations

import json
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.test_fuzz import bodies, content_types, headers, json_values, latin_1
from tests.self_service.members import KEYS, make_member
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db

bounded = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
names = st.sampled_from(
    [
        *("label", "scope", "audience", "allowed_networks", "expires_in", "expires_at"),
        *("overlap", "compromised"),
    ]
)
letters = st.characters(exclude_characters="/?#{}", exclude_categories=["Cs"])
identifiers = st.text(letters, min_size=1, max_size=80)
members = st.dictionaries(names, json_values, max_size=4)


@pytest.fixture
def send(https_client, token_exchange_settings):
    """Send with the token of a key that is the user's only one."""
    token_exchange_settings(RATE_LIMITS=None)
    member = make_member(https_client)
    header = {"authorization": f"Bearer {member.token()}"}

    def send(method, path, body=b"", content_type="application/json"):
        Credential.objects.exclude(pk=member.issued.credential.pk).delete()
        url = path.format(id=member.add_key(scopes=[]).credential.identifier)
        return https_client.generic(method, url, body, content_type, headers=header)

    return send


def assert_answered(answer):
    assert answer.status_code < 500, answer.content
    assert answer["Cache-Control"] == "no-store, private, max-age=0"
    if answer.status_code >= 400:
        assert sorted(json.loads(answer.content)) == ["error", "error_description"]


@bounded
@given(body=bodies, content_type=content_types)
@pytest.mark.parametrize("path", [KEYS, f"{KEYS}/{{id}}/rotate"])
def test_any_body(send, path, body, content_type):
    assert_answered(send("POST", path, body, content_type))


@bounded
@given(body=members)
@pytest.mark.parametrize("path", [KEYS, f"{KEYS}/{{id}}/rotate"])
def test_any_values(send, path, body):
    assert_answered(send("POST", path, json.dumps(body).encode()))


@bounded
@given(query=latin_1, content_type=content_types)
def test_any_query(send, query, content_type):
    assert_answered(send("GET", f"{KEYS}?after={quote(query)}&a={quote(query)}", b"", content_type))


@pytest.mark.parametrize("query", ["&".join(["a=1"] * 2000), "after=%00", "after=a&after=b", "%"])
def test_a_query_that_is_too_much(send, query):
    assert_answered(send("GET", f"{KEYS}?{query}"))


@bounded
@given(
    identifier=st.text(
        st.characters(blacklist_characters="/?#{}", blacklist_categories=["Cs"]),
        min_size=1,
        max_size=80,
    )
)
def test_any_identifier(send, identifier):
    for method, path in (("DELETE", f"{KEYS}/{{}}"), ("POST", f"{KEYS}/{{}}/rotate")):
        url = path.format(identifier)
        answer = send(method, url)
        if answer.status_code != 404 or answer["Content-Type"] == "application/json":
            assert_answered(answer)


@bounded
@given(header=headers)
def test_any_header(https_client, header, token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)
    call = partial(https_client.generic, headers={"authorization": header})
    for method in ("GET", "POST"):
        answer = call(method, KEYS)
        assert answer.status_code in {400, 401}
        assert_answered(answer)
