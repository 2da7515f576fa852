"""POST /v1/leaked-credentials, which anyone may call: malformed reports, limits, outages."""

from __future__ import annotations

import json
import logging

import pytest
from django.db import OperationalError, connection
from django.views.debug import ExceptionReporter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.http.client import assert_refused, stored_rows
from tests.issuer.leaked_secrets.conftest import ADDRESS, PATH, report
from tests.support.factories import make_api_key, make_client_app
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db

MALFORMED = {
    "nothing": b"",
    "white space": b" \n",
    "object": b"{}",
    "object with a list": b'{"credentials": []}',
    "string": b'"x"',
    "null": b"null",
    "number": b"1",
    "list of numbers": b"[1]",
    "list of null": b'["x", null]',
    "list of lists": b'[["x"]]',
    "list of objects": b'[{"token": "x"}]',
    "101 strings": json.dumps(["x"] * 101).encode(),
    "a string of 513": json.dumps(["x" * 513]).encode(),
    "too large": json.dumps(["x" * 512] * 100).encode() + b" " * 20_000,
    "open": b'["x"',
    "two lists": b"[][]",
    "trailing comma": b'["x",]',
    "NaN": b"[NaN]",
    "latin-1": b'["\xe9"]',
    "UTF-16": '["x"]'.encode("utf-16"),
    "NUL": b"\x00",
    "deep": b"[" * 30_000 + b"]" * 30_000,
    "huge integer": b"[1" + b"0" * 5000 + b"]",
    "form": b"credentials=x",
    "multipart": b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--B--\r\n',
}


class TestMalformed:
    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "", "application/x-www-form-urlencoded", "multipart/form-data"],
    )
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
    def test_malformed_body_is_refused(
        self, https_client, token_exchange_settings, body, content_type
    ):
        token_exchange_settings(RATE_LIMITS=None)
        response = report(https_client, body=body, content_type=content_type)
        assert_refused(response, 400, "invalid_request")

    def test_form_that_a_middleware_has_read_is_refused(self, https_client, settings):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.read_the_form"]
        body = MALFORMED["multipart"]
        response = report(https_client, body=body, content_type="multipart/form-data; boundary=B")
        assert_refused(response, 400, "invalid_request")

    def test_body_that_a_middleware_has_consumed_is_a_server_error(self, https_client, settings):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.consume_the_body"]
        assert_refused(report(https_client, "x"), 500, "server_error")

    def test_largest_report_is_accepted(self, https_client):
        assert report(https_client, *["x" * 512] * 100).status_code == 202

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_other_methods_are_refused(self, https_client, method):
        response = https_client.generic(method, PATH)
        assert (response.status_code, response["Allow"]) == (405, "POST")

    def test_plain_http_is_refused(self, client):
        issued = make_api_key()
        assert_refused(report(client, issued.raw_secret), 400, "invalid_request")
        assert Credential.objects.get().revoked_at is None


def read_the_form(get_response):
    def middleware(request):
        request.POST  # noqa: B018 - to read it is what it does
        return get_response(request)

    return middleware


def consume_the_body(get_response):
    def middleware(request):
        request.read()
        return get_response(request)

    return middleware


@pytest.mark.usefixtures("still_clock")
class TestLimit:
    @pytest.fixture(autouse=True)
    def _rates(self, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"leak_report": "3/h"})

    def test_limit_is_by_address(self, https_client):
        answers = [report(https_client, "x") for _ in range(4)]
        assert [each.status_code for each in answers] == [202, 202, 202, 429]
        assert_refused(answers[3], 429, "slow_down")
        assert 0 < int(answers[3]["Retry-After"]) <= 3600
        assert answers[0]["RateLimit-Policy"] == '"leak_report";q=3;w=3600'
        other = https_client.post(PATH, "[]", "application/json", REMOTE_ADDR="203.0.113.10")
        assert other.status_code == 202

    def test_report_counts_once_whatever_its_size(self, https_client):
        for _ in range(3):
            assert report(https_client, *["x"] * 100).status_code == 202
        assert report(https_client).status_code == 429

    def test_malformed_report_counts_too(self, https_client):
        answers = [report(https_client, body=b"{").status_code for _ in range(4)]
        assert answers == [400, 400, 400, 429]

    def test_report_over_the_limit_revokes_nothing(self, https_client):
        issued = make_api_key()
        for _ in range(3):
            report(https_client, "x")
        assert report(https_client, issued.raw_secret).status_code == 429
        assert Credential.objects.get().revoked_at is None

    def test_reports_do_not_count_against_exchanges(self, https_client):
        issued = make_api_key()
        for _ in range(5):
            report(https_client, "x")
        headers = {"authorization": f"ApiKey {issued.raw_secret}"}
        answer = https_client.post("/v1/token", headers=headers, REMOTE_ADDR=ADDRESS)
        assert answer.status_code == 200


class TestDatabaseAway:
    @pytest.fixture
    def _away(self):
        def fail(execute, sql, params, many, context):
            raise OperationalError("the server closed the connection")

        with connection.execute_wrapper(fail):
            yield

    def reported(self, error):
        reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
        return reporter.get_traceback_text() + reporter.get_traceback_html()

    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_report_is_refused_for_now_and_no_secret_is_logged(
        self, https_client, caplog, request, make
    ):
        raw_secret = make().raw_secret
        request.getfixturevalue("_away")
        assert_refused(report(https_client, raw_secret), 503, "temporarily_unavailable")
        (record,) = [each for each in caplog.records if each.name == "token_exchange"]
        error = record.exc_info[1]
        told = self.reported(error) + logging.Formatter().format(record)
        assert "revoke_leaked" in told
        assert raw_secret[-49:] not in told


secrets = st.sampled_from(["sk_live.", "cs_live.", "ci_live.", "sk_live." + "A" * 12 + "."])
texts = st.one_of(
    st.text(max_size=600),
    st.builds(str.__add__, secrets, st.text("Aa0._\x00\xe9\ud800 ", max_size=80)),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=110), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
bodies = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda value: json.dumps(value).encode(), json_values),
    st.builds(lambda value: json.dumps(value).encode(), st.lists(texts, max_size=110)),
)
content_types = st.sampled_from(
    [
        *("", "application/json", "application/json; charset=x", "nonsense"),
        *("application/x-www-form-urlencoded; charset=hex", "multipart/form-data; boundary=B"),
    ]
)


def is_a_list_of_strings(body):
    try:
        value = json.loads(body.decode())
    except ValueError:
        return False
    return (
        isinstance(value, list)
        and len(value) <= 100
        and all(isinstance(each, str) and len(each) <= 512 for each in value)
    )


class TestAnyBody:
    @pytest.fixture(autouse=True)
    def _a_key_without_limits(self, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS=None)
        make_api_key()

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(body=bodies, content_type=content_types)
    @example(body=b'["\\ud800"]', content_type="")
    def test_any_body_is_accepted_or_refused_and_changes_nothing(
        self, https_client, body, content_type
    ):
        before = stored_rows()
        response = report(https_client, body=body, content_type=content_type)
        if is_a_list_of_strings(body):
            assert (response.status_code, response.content) == (202, b"{}")
        else:
            assert_refused(response, 400, "invalid_request")
        assert stored_rows() == before
