"""Errors of DRF views: one form, all challenges, the header fields of each error."""

from __future__ import annotations

import base64

import pytest

from tests.authentication.challenges import read_challenges
from tests.support.factories import api_key_header, bearer_header, make_api_key, make_user
from token_exchange.exceptions import challenges, exception_handler
from token_exchange.views.rate_limits import RateExceeded, Usage
from token_exchange_core.errors import TemporarilyUnavailable

pytestmark = pytest.mark.django_db

BEARER = ("Bearer", {"realm": "token_exchange"})
API_KEY = ("ApiKey", {"realm": "token_exchange"})
BASIC = ("Basic", {"realm": "token_exchange", "charset": "UTF-8"})
INVALID_TOKEN = {
    "error": "invalid_token",
    "error_description": "The access token provided is invalid.",
}
BAD_HEADERS = [
    None,
    "Digest x",
    "Bearer garbage",
    "ApiKey garbage",
    "Basic garbage",
    "Basic Og==",
]


class TestChallenges:
    @pytest.mark.parametrize("header", BAD_HEADERS)
    @pytest.mark.parametrize("path", ["/all", "/session-first"])
    def test_of_every_authenticator_in_their_order(self, get, path, header):
        answer = get(path, header)
        assert answer.status_code == 401
        bearer, *others = read_challenges(answer["WWW-Authenticate"])
        assert others == [API_KEY, BASIC]
        expected = {**BEARER[1], **(INVALID_TOKEN if header == "Bearer garbage" else {})}
        assert bearer == ("Bearer", expected)

    @pytest.mark.usefixtures("_stock_handler")
    @pytest.mark.parametrize("header", BAD_HEADERS)
    def test_also_without_our_handler(self, get, header):
        """Django REST framework asks the first authenticator, which answers for all."""
        answer = get("/all", header)
        assert answer.status_code == 401
        schemes = [scheme for scheme, _ in read_challenges(answer["WWW-Authenticate"])]
        assert schemes == ["Bearer", "ApiKey", "Basic"]

    def test_of_other_peoples_authenticators_too(self, get):
        answer = get("/stock-too")
        challenges = 'Basic realm="api"', "Token"
        assert answer["WWW-Authenticate"].endswith(", ".join(challenges))
        assert answer["WWW-Authenticate"].startswith('Bearer realm="token_exchange", ApiKey ')

    @pytest.mark.parametrize(
        ("path", "challenge"), [("/bearer", BEARER), ("/key", API_KEY), ("/app", BASIC)]
    )
    def test_of_one_alone(self, get, path, challenge):
        assert read_challenges(get(path)["WWW-Authenticate"]) == [challenge]

    def test_without_a_request_there_are_none(self):
        assert challenges(None) == ""

    @pytest.mark.usefixtures("_stock_handler")
    def test_session_first_is_403_without_our_handler(self, get):
        """Why the handler exists: DRF has nothing to put into a 401 here."""
        assert get("/session-first").status_code == 403


class TestAuthenticatorsInARow:
    """A scheme that is not its own is not an authenticator's business."""

    @pytest.mark.parametrize("path", ["/all", "/session-first", "/stock-too"])
    def test_token_and_key_both_work(self, get, https_client, path):
        key = make_api_key()
        header = api_key_header(key)
        token = https_client.post("/v1/token", headers=header).json()["access_token"]
        assert get(path, header["authorization"]).json()["auth"] == "AuthenticatedCredential"
        assert get(path, f"Bearer {token}").json()["auth"] == "Claims"

    @pytest.mark.usefixtures("_stock_handler")
    def test_stock_authenticators_after_ours_still_run(self, get):
        user = make_user(password="correct horse")
        pair = base64.b64encode(f"{user.username}:correct horse".encode()).decode()
        assert get("/stock-too", f"Basic {pair}").json()["user"] == user.username
        assert "Invalid token header" in get("/stock-too", "Token a b").json()["detail"]

    def test_session_works_beside_them(self, https_client):
        user = make_user()
        https_client.force_login(user)
        assert https_client.get("/session-first").json()["user"] == user.username


class TestShape:
    """All of these answer through our handler."""

    @pytest.fixture
    def fail(self, https_client):
        header = api_key_header(make_api_key())
        return lambda failure: https_client.get(f"/failing/{failure}", headers=header)

    @pytest.mark.parametrize(
        ("failure", "status", "error", "description"),
        [
            ("not-found", 404, "invalid_request", "Not found."),
            (
                "django-denied",
                403,
                "access_denied",
                "You do not have permission to perform this action.",
            ),
            ("django-denied-in-a-list", 403, "access_denied", "one two"),
            ("denied", 403, "access_denied", "The reports are closed."),
            ("method", 405, "invalid_request", 'Method "GET" not allowed.'),
            (
                "invalid",
                400,
                "invalid_request",
                "name: This field is required. inner.a: A valid integer is required.",
            ),
            ("unavailable", 503, "temporarily_unavailable", "Later, please."),
            ("failed", 500, "server_error", "A server error occurred."),
        ],
    )
    def test_is_one_for_every_failure(self, fail, failure, status, error, description):
        answer = fail(failure)
        assert answer.status_code == status
        assert answer.json() == {"error": error, "error_description": description}
        assert answer["Cache-Control"] == "no-store, private, max-age=0"
        assert "WWW-Authenticate" not in answer

    def test_what_is_no_answer_stays_djangos(self, fail):
        with pytest.raises(RuntimeError, match="nonsense"):
            fail("nonsense")
        assert exception_handler(RuntimeError(), {}) is None

    def test_view_without_challenges_is_403(self, https_client):
        answer = https_client.get("/session-only")
        assert answer.status_code == 403
        assert answer.json()["error"] == "access_denied"
        assert "WWW-Authenticate" not in answer

    def test_unauthenticated(self, https_client):
        answer = https_client.get("/all")
        assert answer.status_code == 401
        assert answer.json() == {
            "error": "invalid_request",
            "error_description": "Authentication credentials were not provided.",
        }

    def test_throttled(self, https_client):
        header = api_key_header(make_api_key())
        answers = [https_client.get("/throttled", headers=header) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert answers[2].json()["error"] == "slow_down"
        assert 0 < int(answers[2]["Retry-After"]) <= 60

    def test_malformed_header(self, https_client):
        answer = https_client.get("/all", headers=bearer_header("a b"))
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"


def exceed_rate(token, *, now):
    raise RateExceeded(
        Usage(name="token", quota=5, window_seconds=60, remaining=0, reset_seconds=17)
    )


def be_unavailable(token, *, now):
    raise TemporarilyUnavailable


class TestHeaders:
    """An error has the same header fields here as at the endpoints."""

    def test_rate_exceeded_has_retry_after_and_the_limit(self, get, token_exchange_settings):
        token_exchange_settings(VERIFIER=f"{__name__}.exceed_rate")
        answer = get("/bearer", "Bearer x.y.z")
        assert answer.status_code == 429
        assert answer.json()["error"] == "slow_down"
        assert answer["Retry-After"] == "17"
        assert answer["RateLimit"] == '"token";r=0;t=17'
        assert answer["RateLimit-Policy"] == '"token";q=5;w=60'

    @pytest.mark.usefixtures("_stock_handler")
    def test_rate_exceeded_has_retry_after_without_our_handler(self, get, token_exchange_settings):
        token_exchange_settings(VERIFIER=f"{__name__}.exceed_rate")
        answer = get("/bearer", "Bearer x.y.z")
        assert (answer.status_code, answer["Retry-After"]) == (429, "17")

    def test_unavailable_has_retry_after(self, get, token_exchange_settings):
        token_exchange_settings(VERIFIER=f"{__name__}.be_unavailable")
        answer = get("/bearer", "Bearer x.y.z")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "WWW-Authenticate" not in answer


@pytest.mark.usefixtures("_stock_handler")
class TestWithoutOurHandler:
    """DRF's own shape, with our status and code in it."""

    def test_refused(self, get):
        answer = get("/bearer", "Bearer garbage")
        assert answer.status_code == 401
        assert answer.json() == {"detail": "The access token provided is invalid."}

    def test_malformed(self, get):
        answer = get("/bearer", "Bearer a b")
        assert answer.status_code == 400
        assert set(answer.json()) == {"detail"}

    def test_scope(self, get, https_client):
        answer = get("/scope", api_key_header(make_api_key())["authorization"])
        assert answer.status_code == 403
        assert set(answer.json()) == {"detail"}
