"""Request bodies: every supported encoding, and the error for every malformed one."""

from __future__ import annotations

import json

import pytest

from tests.http.bodies import BOUNDARY, FORM, JSON, multipart, send
from tests.http.client import assert_refused, stored_rows
from tests.http.conftest import make_caller

pytestmark = pytest.mark.django_db


class TestScopeAsMember:
    """The scope is read from every encoding. The key has more scopes than are requested."""

    @pytest.fixture
    def key(self, db):
        return make_caller("/v1/token", scopes=["a", "b"])

    @pytest.mark.parametrize(
        "content_type",
        [
            JSON,
            f"{JSON}; charset=utf-8",
            f"{JSON};charset=UTF-8",
            "application/vnd.api+json",
            "text/plain",
            "text/plain;charset=UTF-8",
            FORM,  # so does `curl -d`
            "nonsense",
            "",
            None,
        ],
    )
    def test_json_is_read_whatever_its_content_type(self, https_client, key, content_type):
        response = send(https_client, key, b' {"scope": "a"}\n', content_type)
        assert response.json()["scope"] == "a"

    def test_json_may_begin_with_a_byte_order_mark(self, https_client, key):
        response = send(https_client, key, b'\xef\xbb\xbf{"scope": "a"}', JSON)
        assert response.json()["scope"] == "a"

    @pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8", FORM.upper()])
    def test_a_form_is_read(self, https_client, key, content_type):
        response = send(https_client, key, "grant_type=client_credentials&scope=a", content_type)
        assert response.json()["scope"] == "a"

    def test_multipart_is_read(self, https_client, key):
        assert send(https_client, key, multipart(), BOUNDARY).json()["scope"] == "a"

    def test_a_file_of_that_name_is_none(self, https_client, key):
        body = multipart(extra='; filename="x"')
        assert send(https_client, key, body, BOUNDARY).json()["scope"] == "a b"

    @pytest.mark.parametrize("content_type", ["text/plain", "", None])
    def test_a_form_that_does_not_say_so_is_refused(self, https_client, key, content_type):
        response = send(https_client, key, "scope=a", content_type)
        assert_refused(response, 400, "invalid_request")


class TestEmpty:
    def test_of_a_length_of_nothing_is_no_members(self, https_client, caller):
        response = https_client.post(caller.path, headers=caller.headers, CONTENT_LENGTH="0")
        assert response.status_code == 200

    @pytest.mark.parametrize("content_type", [JSON, FORM, BOUNDARY, "text/plain", "", None])
    @pytest.mark.parametrize("body", [b"", b" \r\n"])
    def test_is_no_members(self, https_client, caller, body, content_type):
        assert send(https_client, caller, body, content_type).status_code == 200

    @pytest.mark.parametrize("content_type", [JSON, FORM, "", None])
    def test_object_is_no_members(self, https_client, caller, content_type):
        assert send(https_client, caller, b"{}", content_type).status_code == 200


MALFORMED = {
    "array": b"[]",
    "array of objects": b'[{"scope": "a"}]',
    "string": b'"scope"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "NaN": b'{"x": NaN}',
    "infinity": b'{"x": -Infinity}',
    "open": b'{"scope": "a"',
    "two objects": b"{}{}",
    "trailing comma": b'{"scope": "a",}',
    "single quotes": b"{'scope': 'a'}",
    "comment": b"{} // none",
    "repeated member": b'{"scope": "a", "scope": "b"}',
    "repeated member within": b'{"header": {"reference": "a", "reference": "b"}}',
    "nested deeply": b'{"x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nested objects": b'{"x":' * 10_000 + b"1" + b"}" * 10_000,
    "huge integer": b'{"x": 1' + b"0" * 5_000 + b"}",
    "latin-1": b'{"x": "\xe9"}',
    "overlong": b'{"x": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"x": "\xed\xa0\x80"}',
    "UTF-16": '{"scope": "a"}'.encode("utf-16"),
    "NUL": b"\x00",
    "NUL in a string": b'{"x": "\x00"}',
    "NUL after": b"{}\x00",
    "control character": b'{"x": "\n"}',
    "XML": b"<scope>a</scope>",
}


class TestMalformed:
    @pytest.mark.parametrize("content_type", [JSON, None])
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
    def test_json_is_refused_and_changes_nothing(self, https_client, caller, body, content_type):
        before = stored_rows()
        assert_refused(send(https_client, caller, body, content_type), 400, "invalid_request")
        assert stored_rows() == before

    @pytest.mark.parametrize("body", [b"scope=a&scope=b", b"scope=&scope=", b"x=1&x=2"])
    def test_a_parameter_sent_twice_is_refused(self, https_client, caller, body):
        before = stored_rows()
        assert_refused(send(https_client, caller, body, FORM), 400, "invalid_request")
        assert stored_rows() == before

    @pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-7", "hex", "undefined"])
    def test_a_form_of_another_charset_is_refused(self, https_client, caller, charset):
        content_type = f"{FORM}; charset={charset}"
        assert_refused(send(https_client, caller, "x=a", content_type), 400, "invalid_request")

    def test_too_many_parameters_are_refused(self, https_client, caller, settings):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
        body = "&".join(f"x{number}=" for number in range(11))
        assert_refused(send(https_client, caller, body, FORM), 400, "invalid_request")

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (multipart(), "multipart/form-data"),
            (multipart(), "multipart/form-data; boundary="),
            (multipart(), "multipart/form-data; boundary=\xe9"),
            (multipart(), f"multipart/form-data; boundary={'x' * 300}"),
            (multipart() * 2, f"{BOUNDARY}; charset=hex"),
            (multipart(), f"{BOUNDARY}; charset=undefined"),
            (multipart() + multipart(value="b"), BOUNDARY),
        ],
    )
    def test_multipart_is_refused(self, https_client, caller, body, content_type):
        before = stored_rows()
        response = send(https_client, caller, body, content_type)
        assert 400 <= response.status_code < 500
        assert_refused(response, 400, "invalid_request")
        assert stored_rows() == before

    @pytest.mark.parametrize(
        "body",
        [
            *("not multipart at all", "--BOUNDARY", "--BOUNDARY\r\n\r\n\r\n", multipart()[:-20]),
            multipart(disposition="attachment"),
            multipart(extra="; name*=hex''41"),
            multipart(extra="; filename*=undefined''%E9"),
            multipart(extra="\r\nContent-Transfer-Encoding: base64"),
        ],
    )
    def test_multipart_that_has_no_scope_is_no_failure(self, https_client, caller, body):
        assert send(https_client, caller, body, BOUNDARY).status_code in {200, 400}


class TestTooLarge:
    def test_is_refused_by_its_declared_length(self, https_client, caller):
        body = json.dumps({"x": "x" * 65_536})
        assert_refused(send(https_client, caller, body, JSON), 400, "invalid_request")

    @pytest.mark.parametrize("declared", ["99999999999999999999", "-1", "x", ""])
    def test_a_false_length_changes_nothing(self, https_client, caller, declared):
        response = https_client.generic(
            "POST", caller.path, b"{}", JSON, headers=caller.headers, CONTENT_LENGTH=declared
        )
        assert response.status_code in {200, 400}

    def test_a_body_of_the_full_size_is_read(self, https_client, caller):
        body = b'{"x": "' + b"x" * (65_536 - 9) + b'"}'
        assert len(body) == 65_536
        assert send(https_client, caller, body, JSON).status_code == 200
        assert_refused(send(https_client, caller, body + b" ", JSON), 400, "invalid_request")

    def test_the_projects_own_limit_is_kept(self, https_client, caller, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
        response = send(https_client, caller, b'{"x": "12345"}', JSON)
        assert_refused(response, 400, "invalid_request")


class TestEmptyAudience:
    def test_of_a_form_is_an_absent_one(self, https_client):
        caller = make_caller("/v1/token", scopes=["a"])
        assert send(https_client, caller, "audience=", FORM).status_code == 200
