"""Resource: one GET request, limited in time and size, without leaking the credential."""

from __future__ import annotations

import gzip
import logging
import math
import time
import traceback

import pytest

from tests.support.fake_issuer import NOT_MODIFIED, Issuer, Reply, break_off, drip_body, hang
from token_exchange_core.remote import remote_verifier
from token_exchange_core.remote.http import RemoteFault, Resource, Transport

PATH = "/resource"
RAW_KEY = "sk_live.hidden.hidden"


def resource(issuer: Issuer, **options) -> Resource:
    values = {"max_bytes": 100, "timeout_seconds": 5, **options}
    return Resource(f"{issuer.url}{PATH}", **values)


def fault(issuer: Issuer, *, deadline: float = math.inf, **options) -> str:
    with pytest.raises(RemoteFault) as refused:
        resource(issuer, **options).get(deadline=deadline, etag=None)
    assert str(refused.value) == refused.value.reason
    return refused.value.reason


def shown_by(error: BaseException, *, ours: str) -> list[str]:
    """Return the variables, in frames of ours, that show the credential to an error reporter."""
    found = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        if (each := waiting.pop()) is None:
            continue
        waiting += [each.__cause__, each.__context__]
        for frame, _line in traceback.walk_tb(each.__traceback__):
            if frame.f_globals["__name__"].startswith(ours):
                found += [name for name, value in frame.f_locals.items() if RAW_KEY in repr(value)]
    return found


class TestGoodAnswer:
    def test_body_and_etag(self, issuer):
        issuer.says(PATH, Reply(body=b"{}", headers={"ETag": '"1"'}))
        answer = resource(issuer).get(deadline=math.inf, etag=None)
        assert (answer.body, answer.etag) == (b"{}", '"1"')

    def test_what_is_asked_for(self, issuer):
        issuer.says(PATH, Reply(body=b"{}"))
        asked = resource(issuer, authorization=f"ApiKey {RAW_KEY}")
        asked.get(deadline=math.inf, etag='"1"', query={"after": 1, "epoch": "a&b"})
        [received] = issuer.received
        assert received.query == {"after": "1", "epoch": "a&b"}
        assert received.headers["authorization"] == f"ApiKey {RAW_KEY}"
        assert received.headers["if-none-match"] == '"1"'
        assert received.headers["accept-encoding"] == "identity"

    def test_query_of_the_url_is_kept(self, issuer):
        issuer.says(PATH, Reply(body=b"{}"))
        asked = Resource(f"{issuer.url}{PATH}?tenant=1", max_bytes=9, timeout_seconds=5)
        asked.get(deadline=math.inf, etag=None, query={"after": 1})
        assert issuer.received[0].query == {"tenant": "1", "after": "1"}

    def test_without_credential_and_etag_none_is_sent(self, issuer):
        issuer.says(PATH, Reply(body=b"{}"))
        resource(issuer).get(deadline=math.inf, etag=None)
        assert not {"authorization", "if-none-match"} & set(issuer.received[0].headers)

    def test_not_modified(self, issuer):
        issuer.says(PATH, NOT_MODIFIED)
        answer = resource(issuer).get(deadline=math.inf, etag='"1"')
        assert (answer.body, answer.etag) == (None, '"1"')

    def test_an_etag_that_cannot_be_sent_back_is_none(self, issuer):
        issuer.says(PATH, Reply(body=b"{}", headers={"ETag": '"\xe9"'}))
        assert resource(issuer).get(deadline=math.inf, etag=None).etag is None

    @pytest.mark.parametrize(
        "media_type",
        ["application/json; charset=utf-8", "application/jwk-set+json", "Application/JSON"],
    )
    def test_media_types(self, issuer, media_type):
        issuer.says(PATH, Reply(body=b"{}", headers={"Content-Type": media_type}))
        assert resource(issuer).get(deadline=math.inf, etag=None).body == b"{}"

    def test_longest(self, issuer):
        issuer.says(PATH, Reply(body=b" " * 100))
        assert resource(issuer).get(deadline=math.inf, etag=None).body == b" " * 100

    def test_a_kept_connection_that_is_closed_is_opened_again(self, issuer):
        issuer.says(PATH, Reply(body=b"1"), break_off, Reply(body=b"2"))
        asked = resource(issuer)
        bodies = [asked.get(deadline=math.inf, etag=None).body for _ in range(2)]
        assert (bodies, issuer.asked(PATH)) == ([b"1", b"2"], 3)


class TestFault:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_not_followed(self, issuer, status):
        """Neither to another host nor to another path: the credential is for this URL."""
        issuer.says(PATH, Reply(status=status, headers={"Location": "/elsewhere"}))
        assert fault(issuer, authorization=f"ApiKey {RAW_KEY}") == "redirect"
        assert issuer.asked("/elsewhere") == 0

    @pytest.mark.parametrize("status", [201, 204, 206, 304, 401, 403, 404, 429, 500, 503])
    def test_status(self, issuer, status):
        headers = {"Content-Length": ""} if status in {204, 304} else {}
        issuer.says(PATH, Reply(status=status, headers=headers))
        assert fault(issuer) == f"http_{status}"

    @pytest.mark.parametrize("media_type", ["", "text/html", "application/jsonp", "json"])
    def test_media_type(self, issuer, media_type):
        issuer.says(PATH, Reply(body=b"{}", headers={"Content-Type": media_type}))
        assert fault(issuer) == "not_json"

    def test_packed(self, issuer):
        """A hundred bytes that become a hundred million."""
        packed = gzip.compress(b" " * 1000)
        issuer.says(PATH, Reply(body=packed, headers={"Content-Encoding": "gzip"}))
        assert fault(issuer) == "not_json"

    def test_too_large(self, issuer):
        issuer.says(PATH, Reply(body=b" " * 101))
        assert fault(issuer) == "too_large"

    def test_endless(self, issuer):
        issuer.says(PATH, drip_body)
        assert fault(issuer, max_bytes=3) == "too_large"

    def test_hangs(self, issuer):
        issuer.says(PATH, hang)
        assert fault(issuer, timeout_seconds=0.05) == "timeout"

    def test_drips_past_the_deadline(self, issuer):
        issuer.says(PATH, drip_body)
        assert fault(issuer, deadline=time.monotonic() + 0.1, max_bytes=10**6) == "timeout"

    def test_nothing_is_asked_past_the_deadline(self, issuer):
        assert fault(issuer, deadline=time.monotonic()) == "timeout"
        assert issuer.received == []

    def test_breaks_off_each_time(self, issuer):
        issuer.says(PATH, break_off)
        assert fault(issuer) == "connection"

    def test_nobody_listens(self, issuer):
        issuer.close()
        assert fault(issuer) == "connection"


class TestConnections:
    def test_after_hanging_up_there_is_another(self, issuer):
        issuer.says(PATH, Reply(body=b"{}"))
        asked = resource(issuer)
        asked.hang_up()
        for end in (asked.hang_up, asked.discard_connections):
            assert asked.get(deadline=math.inf, etag=None).body == b"{}"
            end()
        assert asked.get(deadline=math.inf, etag=None).body == b"{}"


class TestConstruction:
    @pytest.mark.parametrize(
        "url", ["", "issuer.test", "//issuer.test", "ftp://issuer.test", "https://u:p@issuer.test"]
    )
    def test_url(self, url):
        with pytest.raises(ValueError, match="URL"):
            Resource(url, max_bytes=1, timeout_seconds=1)

    @pytest.mark.parametrize(
        "url",
        [
            *("http://x.test", "HTTP://x.test/jwks", "http://192.0.2.1", "http://localhost.x.test"),
            *("http://x.test:443", "http://[2001:db8::1]", "http://0.0.0.0", "http://127.1"),
        ],
    )
    def test_plain_http_to_another_machine(self, url):
        with pytest.raises(ValueError, match="https://"):
            Resource(url, max_bytes=1, timeout_seconds=1)
        allowed = Resource(
            url, max_bytes=1, timeout_seconds=1, transport=Transport(require_https=False)
        )
        assert allowed.url == url

    @pytest.mark.parametrize(
        "url",
        [
            *("http://localhost", "http://LOCALHOST:8000/x", "http://127.0.0.1:8000"),
            *("http://127.9.9.9", "http://[::1]:8000", "http://[::ffff:127.0.0.1]"),
        ],
    )
    def test_plain_http_to_this_machine(self, url):
        assert Resource(url, max_bytes=1, timeout_seconds=1).url == url

    @pytest.mark.parametrize("url", ["https://u:hidden/p@x.test", "https://x.test\nhidden"])
    def test_url_that_is_none_is_not_quoted(self, url):
        with pytest.raises(ValueError, match="not a URL") as refused:
            Resource(url, max_bytes=1, timeout_seconds=1)
        assert "hidden" not in "".join(traceback.format_exception(refused.value))

    @pytest.mark.parametrize("raw", ["a\nb", "a\0", "schlüssel", "a\r\nX: y"])
    def test_credential_that_no_header_may_have(self, raw):
        with pytest.raises(ValueError, match="characters") as refused:
            Resource("https://x.test", max_bytes=1, timeout_seconds=1, authorization=raw)
        assert raw not in str(refused.value)


class TestProxy:
    """The variables are those of the machine; a proxy in one of them would see the API key."""

    @pytest.fixture(autouse=True)
    def _proxy(self, issuer, monkeypatch):
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, issuer.url)
        issuer.says(PATH, Reply(body=b"{}"))

    def asked(self, **options):
        return Resource(
            f"http://nowhere.invalid{PATH}",
            max_bytes=9,
            timeout_seconds=5,
            transport=Transport(require_https=False, **options),
        ).get(deadline=math.inf, etag=None)

    def test_of_the_environment_is_ignored(self, issuer):
        with pytest.raises(RemoteFault, match="connection"):
            self.asked()
        assert issuer.received == []

    def test_of_the_environment_is_used_on_demand(self, issuer):
        assert self.asked(use_environment_proxy=True).body == b"{}"
        assert issuer.asked(PATH) == 1


class TestSecrecy:
    @pytest.mark.parametrize("reply", [Reply(status=500), break_off, hang])
    def test_credential_is_in_no_frame(self, issuer, reply):
        issuer.says(PATH, reply)
        asked = resource(issuer, authorization=f"ApiKey {RAW_KEY}", timeout_seconds=0.05)
        with pytest.raises(RemoteFault) as refused:
            asked.get(deadline=math.inf, etag=None)
        assert shown_by(refused.value, ours="token_exchange_core") == []

    def test_credential_of_a_verifier_that_cannot_be_built_is_in_no_frame(self):
        with pytest.raises(ValueError, match="https://") as refused:
            remote_verifier(issuer="http://x.test", audience="x", revocations_api_key=f"{RAW_KEY}")
        assert shown_by(refused.value, ours="token_exchange_core") == []

    @pytest.mark.parametrize("reply", [Reply(status=500, body=RAW_KEY.encode()), break_off, hang])
    def test_credential_is_in_no_text(self, issuer, caplog, reply):
        caplog.set_level(logging.DEBUG)
        issuer.says(PATH, reply)
        asked = resource(issuer, authorization=f"ApiKey {RAW_KEY}", timeout_seconds=0.05)
        with pytest.raises(RemoteFault) as refused:
            asked.get(deadline=math.inf, etag=None)
        shown = "".join(traceback.format_exception(refused.value))
        assert "hidden" not in f"{asked!r}{asked}{shown}{caplog.text}"
