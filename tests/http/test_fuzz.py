"""Random headers and bodies neither crash an exchange nor get a token."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.client import ENDPOINTS, stored_rows
from tests.http.conftest import Caller, make_header
from tests.support.factories import make_api_key, make_client_app

pytestmark = pytest.mark.django_db

bounded = settings(
    max_examples=60,
    deadline=None,
    # The test is rolled back once, at its end, and examples store nothing.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

latin_1 = st.text(st.characters(max_codepoint=255), max_size=300)
schemes = st.sampled_from(["ApiKey ", "apikey ", "Basic ", "BASIC  ", "Bearer ", "Digest ", ""])
pairs = st.builds(lambda pair: base64.b64encode(pair).decode(), st.binary(max_size=200))
near_misses = st.builds(
    lambda kind, text: f"{kind}{text}",
    st.sampled_from(["sk_live.", "ci_live.", "cs_live.", "sk_live." + "A" * 12 + "."]),
    st.text("Aa0._\x00\xe9 ", max_size=80),
)
headers = st.builds(
    lambda scheme, parameter: scheme + parameter, schemes, st.one_of(latin_1, pairs, near_misses)
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
names = st.sampled_from(["scope", "audience", "expires_in", "header", "reference", "grant_type"])
objects = st.dictionaries(st.one_of(names, st.text(max_size=8)), json_values, max_size=5)
header_objects = st.builds(lambda value: {"header": {"reference": value}}, json_values)
json_bodies = st.builds(
    lambda value: json.dumps(value).encode(), st.one_of(objects, header_objects, json_values)
)
forms = st.builds(lambda name, value: name.encode() + b"=" + value, names, st.binary(max_size=60))
multiparts = st.builds(
    lambda head, value: b"--B\r\nContent-Disposition: " + head + b"\r\n\r\n" + value + b"\r\n--B--",
    st.one_of(st.binary(max_size=60), st.just(b'form-data; name="scope"')),
    st.binary(max_size=60),
)
bodies = st.one_of(st.binary(max_size=300), json_bodies, forms, multiparts)
content_types = st.sampled_from(
    [
        *("", "application/json", "text/plain", "application/x-www-form-urlencoded"),
        *("multipart/form-data; boundary=B", "multipart/form-data", "application/json; charset=x"),
        "application/x-www-form-urlencoded; charset=hex",
        "multipart/form-data; boundary=B; charset=hex",
    ]
)


@pytest.fixture
def unlimited(token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)


def assert_one_shape(response):
    assert 400 <= response.status_code < 500
    assert sorted(json.loads(response.content)) == ["error", "error_description"]
    assert response["Cache-Control"] == "no-store, private, max-age=0"


@pytest.mark.usefixtures("unlimited")
class TestAnyHeader:
    @bounded
    @given(header=headers)
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_is_refused_and_changes_nothing(self, https_client, path, header):
        before = stored_rows()
        response = https_client.post(path, headers={"authorization": header})
        assert_one_shape(response)
        assert stored_rows() == before

    @bounded
    @given(noise=latin_1, position=st.integers(0, 120))
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_beside_a_good_one_is_refused_or_means_the_same(
        self, https_client, path, noise, position
    ):
        issued = make_api_key() if path == "/v1/token" else make_client_app()
        good = make_header(path, issued)["authorization"]
        header = good[:position] + noise + good[position:]
        response = https_client.post(path, headers={"authorization": header})
        if response.status_code != 200:
            assert_one_shape(response)
        else:
            assert header.lower().split() == good.lower().split()

    @bounded
    @given(header=headers)
    def test_is_refused_by_delete(self, https_client, header):
        response = https_client.delete("/auth_token", headers={"authorization": header})
        assert_one_shape(response)


@pytest.mark.usefixtures("unlimited")
class TestAnyBody:
    @bounded
    @given(body=bodies, content_type=content_types)
    def test_is_read_or_refused_and_a_refused_one_changes_nothing(
        self, https_client, caller: Caller, body, content_type
    ):
        before = stored_rows()
        response = https_client.generic(
            "POST", caller.path, body, content_type, headers=caller.headers
        )
        if response.status_code != 200:
            assert_one_shape(response)
            assert stored_rows() == before
        else:
            assert stored_rows()["Credential"] == before["Credential"]

    @bounded
    @given(body=bodies, content_type=content_types)
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_without_a_credential_is_refused(self, https_client, path, body, content_type):
        response = https_client.generic("POST", path, body, content_type)
        assert response.status_code == 401
        assert_one_shape(response)
