"""Responses of the exchanges to every kind of Authorization header."""

from __future__ import annotations

import base64
import string

import pytest

from tests.http.client import CHALLENGES, ENDPOINTS, assert_refused, stored_rows
from tests.support.factories import make_client_app

pytestmark = pytest.mark.django_db

SCHEMES = {"/v1/token": "ApiKey", "/auth_token": "Basic"}
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
REFUSALS = {"/v1/token": "Invalid API Key", "/auth_token": "Client authentication failed."}


def b64(pair: str | bytes) -> str:
    return base64.b64encode(pair if isinstance(pair, bytes) else pair.encode()).decode()


def post(client, path, header):
    return client.post(path, headers={} if header is None else {"authorization": header})


class TestNone:
    @pytest.mark.parametrize("path", ENDPOINTS)
    @pytest.mark.parametrize("header", [None, "", " ", "\t", " \t "])
    def test_asks_for_one(self, https_client, path, header):
        response = post(https_client, path, header)
        description = assert_refused(response, 401, "invalid_client")
        assert description == "Authorization header required"
        assert response["WWW-Authenticate"] == CHALLENGES[path]

    def test_credentials_elsewhere_are_not_looked_at(self, https_client, caller):
        scheme, _, parameter = caller.headers["authorization"].partition(" ")
        query = f"?api_key={parameter}&client_id=x&client_secret=y&access_token={parameter}"
        elsewhere = {"x-api-key": parameter, "proxy-authorization": f"{scheme} {parameter}"}
        form = {"client_secret": parameter, "api_key": parameter, "assertion": parameter}
        response = https_client.post(caller.path + query, form, headers=elsewhere)
        description = assert_refused(response, 401, "invalid_client")
        assert description == "Authorization header required"


class TestOtherScheme:
    @pytest.mark.parametrize("path", ENDPOINTS)
    @pytest.mark.parametrize(
        "scheme", ["Bearer", "Digest", "Negotiate", "ApiKey:", "Basic\t", "ApiKeys", "é", "x,"]
    )
    def test_is_told_which_one_to_use(self, https_client, path, scheme):
        response = post(https_client, path, f"{scheme} x")
        description = assert_refused(response, 401, "invalid_client")
        assert description == f"The Authorization header must use the {SCHEMES[path]} scheme"
        assert response["WWW-Authenticate"] == CHALLENGES[path]

    def test_of_the_other_endpoint_is_told_the_same(self, https_client, caller):
        other = next(path for path in ENDPOINTS if path != caller.path)
        response = https_client.post(other, headers=caller.headers)
        description = assert_refused(response, 401, "invalid_client")
        assert description == f"The Authorization header must use the {SCHEMES[other]} scheme"


class TestAccepted:
    @pytest.mark.parametrize("spaces", [" ", "  ", "     "])
    @pytest.mark.parametrize("change", [str, str.lower, str.upper, str.swapcase])
    def test_in_any_case_with_any_spaces(self, https_client, caller, change, spaces):
        scheme, _, parameter = caller.headers["authorization"].partition(" ")
        header = f"  {change(scheme)}{spaces}{parameter} "
        assert post(https_client, caller.path, header).status_code == 200


class TestRefused:
    @pytest.mark.parametrize("path", ENDPOINTS)
    @pytest.mark.parametrize(
        "parameter",
        [
            *("", "x", "=", "....", "sk_live.x", 'realm="x"', "null", "a b", "%00", "' OR 1=1 --"),
            *(f"{prefix}.{'A' * 12}.{'A' * 49}" for prefix in ("sk_live", "sk_test")),
            "A" * 8000,
        ],
    )
    def test_a_malformed_credential_is_refused_as_any_other(self, https_client, path, parameter):
        response = post(https_client, path, f"{SCHEMES[path]} {parameter}")
        assert assert_refused(response, 401, "invalid_client") == REFUSALS[path]
        assert response["WWW-Authenticate"] == CHALLENGES[path]

    @pytest.mark.parametrize(
        "parameter",
        [
            *map(b64, ["", ":", "x", "x:", ":x", "x:y", "::", "x:y:z", "\x00:\x00", "x\n:y"]),
            *map(b64, [b"\xe9:x", b"x:\xe9", b"\xff\xfe", b"\xed\xa0\x80:x", "é:é"]),
            b64("x:" + "y" * 5000),
            *("x:y", "Zg", "Z", "====", "eDp5=", "eDp5\\", "eD p5", "eDp-", "_w=="),
        ],
    )
    def test_a_malformed_pair_is_refused_as_any_other(self, https_client, parameter):
        response = post(https_client, "/auth_token", f"Basic {parameter}")
        assert assert_refused(response, 401, "invalid_client") == REFUSALS["/auth_token"]

    @pytest.mark.parametrize(
        ("altered", "status"),
        [
            ("{}, {}", 400),  # as servers join repeated headers
            ("{},{}", 400),
            ("{},", 400),
            ("{}\xe9", 401),
            ("{}\x00", 401),
            ("{}\x7f", 401),
            ("{}\r\nX: y", 401),
            ("{}\ud800", 401),
            ("{}" + "x" * 8192, 401),
            ("{}x", 401),
            ("{} x", 401),
        ],
    )
    def test_a_good_credential_in_a_malformed_header_is_refused(
        self, https_client, caller, altered, status
    ):
        before = stored_rows()
        header = altered.replace("{}", caller.headers["authorization"])
        response = post(https_client, caller.path, header)
        assert_refused(response, status, {400: "invalid_request", 401: "invalid_client"}[status])
        assert stored_rows() == before


class TestPair:
    @pytest.fixture
    def app(self, db):
        return make_client_app()

    def test_only_the_first_colon_splits_it(self, https_client, app):
        pair = f"{app.credential.identifier}:{app.raw_secret}:"
        response = post(https_client, "/auth_token", f"Basic {b64(pair)}")
        assert_refused(response, 401, "invalid_client")

    def test_it_may_be_form_encoded(self, https_client, app):
        encoded = "".join(f"%{ord(each):02X}" for each in app.raw_secret)
        pair = f"{app.credential.identifier}:{encoded}"
        assert post(https_client, "/auth_token", f"Basic {b64(pair)}").status_code == 200

    @pytest.mark.parametrize("method", ["post", "delete"])
    def test_bits_in_the_padding_are_refused(self, https_client, app, method):
        """RFC 4648, section 3.5: otherwise several texts are the same credential."""
        encoded = b64(f"{app.credential.identifier}:{app.raw_secret}")
        body = encoded.rstrip("=")
        assert body != encoded
        changed = f"{body[:-1]}{ALPHABET[ALPHABET.index(body[-1]) + 1]}{encoded[len(body) :]}"
        assert base64.b64decode(changed) == base64.b64decode(encoded)
        send = getattr(https_client, method)
        response = send("/auth_token", headers={"authorization": f"Basic {changed}"})
        description = assert_refused(response, 401, "invalid_client")
        assert description == REFUSALS["/auth_token"]
        headers = {"authorization": f"Basic {encoded}"}
        assert send("/auth_token", headers=headers).status_code == 200
