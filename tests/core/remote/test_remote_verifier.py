"""remote_verifier: keys, revocations and verification together, without a framework."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.claims import PAYLOAD
from tests.support.fake_issuer import (
    FEED_PATH,
    JWKS_PATH,
    WAIT_SECONDS,
    Handler,
    Issuer,
    Reply,
    hang,
    jwks,
    page,
)
from tests.support.forged_tokens import KEY, make_token
from tests.support.subprocesses import environment, run_python
from token_exchange_core.errors import InvalidToken, TemporarilyUnavailable
from token_exchange_core.remote import remote_verifier
from token_exchange_core.revocation_set import Revocation, RevocationKind
from token_exchange_core.verification import TokenVerifier

NOW = PAYLOAD["iat"]


def make(issuer: Issuer, **options: Any) -> TokenVerifier:
    return remote_verifier(
        **{
            "issuer": issuer.url,
            "audience": PAYLOAD["aud"],
            "revocations_api_key": "sk_live.hidden",
            "timeout_seconds": WAIT_SECONDS,
            **options,
        }
    )


def token_of(issuer: Issuer) -> str:
    return make_token(payload={**PAYLOAD, "iss": issuer.url})


class TestRemoteVerifier:
    def test_nothing_is_asked_before_the_first_token(self, issuer):
        verifier = make(issuer)
        for token in ("", "garbage", "a.b"):
            with pytest.raises(InvalidToken):
                verifier.verify(token, now=NOW)
        assert issuer.received == []

    def test_revocation_arrives(self, issuer, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        verifier, token = make(issuer), token_of(issuer)
        assert verifier.verify(token, now=NOW).jti == PAYLOAD["jti"]
        revocation = Revocation(
            kind=RevocationKind.CREDENTIAL, subject=PAYLOAD["client_id"], expires_at=2**40
        )
        issuer.says(FEED_PATH, page(position=1, as_of=int(time.time()), revocations=[revocation]))
        elapsed.seconds += 2
        with pytest.raises(InvalidToken) as refused:
            verifier.verify(token, now=NOW)
        assert refused.value.reason == "credential_revoked"

    def test_without_the_feed_nothing_is_accepted(self, issuer):
        """Also not at first, when nothing could have been revoked."""
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, Reply(status=403))
        with pytest.raises(TemporarilyUnavailable) as refused:
            make(issuer).verify(token_of(issuer), now=NOW)
        assert refused.value.reason == "remote_revocations_away"

    def test_both_are_asked_at_once(self, issuer, settle):
        """Or one that hangs would be waited for after the other, and a request twice as long."""
        issuer.says(JWKS_PATH, hang)
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        with pytest.raises(TemporarilyUnavailable) as refused:
            make(issuer, timeout_seconds=0.5).verify(token_of(issuer), now=NOW)
        assert refused.value.reason == "remote_keys_away"
        settle()
        assert issuer.asked(FEED_PATH) == 1

    def test_sources_are_asked_before_any_token(self, issuer):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        make(issuer).check_sources()
        assert (issuer.asked(JWKS_PATH), issuer.asked(FEED_PATH)) == (1, 1)

    @pytest.mark.parametrize(
        ("away", "reason"),
        [(JWKS_PATH, "remote_keys_away"), (FEED_PATH, "remote_revocations_away")],
    )
    def test_source_that_is_away(self, issuer, away, reason):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        issuer.says(away, Reply(status=503))
        with pytest.raises(TemporarilyUnavailable) as refused:
            make(issuer).check_sources()
        assert refused.value.reason == reason

    def test_key_goes_to_the_feed_alone(self, issuer):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        make(issuer).verify(token_of(issuer), now=NOW)
        sent = {each.path: each.headers.get("authorization") for each in issuer.received}
        assert sent == {JWKS_PATH: None, FEED_PATH: "ApiKey sk_live.hidden"}

    def test_leeway(self, issuer):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        verifier = make(issuer, leeway_seconds=60)
        assert verifier.verify(token_of(issuer), now=PAYLOAD["exp"] + 59)
        with pytest.raises(InvalidToken):
            verifier.verify(token_of(issuer), now=PAYLOAD["exp"] + 60)

    @pytest.mark.parametrize("leeway_seconds", [-1, 61])
    def test_leeway_that_is_none(self, issuer, leeway_seconds):
        with pytest.raises(ValueError, match="leeway"):
            make(issuer, leeway_seconds=leeway_seconds)


FORKING = f"""
import os, sys, warnings
import httpx
from token_exchange_core.remote import RemoteKeys, RemoteRevocations

warnings.simplefilter("ignore", DeprecationWarning)  # of forking while threads run
url = sys.argv[1]
keys = RemoteKeys(url + "{JWKS_PATH}", max_age_seconds=0)
keys()
revocations = RemoteRevocations(url + "{FEED_PATH}", raw_api_key="x", timeout_seconds=10)
revocations.start_refresh_if_old()
while not httpx.get(url + "/asked").json():
    pass
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
print(len(revocations()), keys().verification_key({KEY.kid!r}) is not None)
"""


@pytest.mark.processes
class TestFork:
    def test_a_thread_that_is_not_there_is_not_waited_for(self, issuer, tmp_path):
        """Nor is a connection shared: the answers to both would be mixed up."""
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, hang, page(as_of=int(time.time())))

        def say_how_often(handler: Handler) -> None:
            Reply(body=b"%d" % issuer.asked(FEED_PATH))(handler)

        issuer.says("/asked", say_how_often)
        env = environment(tmp_path, NO_PROXY="127.0.0.1")
        finished = run_python("-c", FORKING, issuer.url, env=env)
        assert (finished.returncode, finished.stdout) == (0, "0 True\n"), finished.stderr
        connections = [each.connection for each in issuer.received if each.path == JWKS_PATH]
        assert len(set(connections)) == 2


class TestNoFramework:
    @pytest.mark.processes
    def test_django_is_not_imported(self, tmp_path):
        script = (
            "import sys, token_exchange_core.remote\n"
            "print({'django', 'rest_framework', 'celery'} & set(sys.modules))"
        )
        assert run_python("-c", script, env=environment(tmp_path)).stdout == "set()\n"
