"""A resource server in its own process: app not installed, no database, no model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.claims import PAYLOAD
from tests.support.fake_issuer import FEED_PATH, JWKS_PATH, Issuer, jwks, page
from tests.support.forged_tokens import HEADER, KEY, OTHER_KEY, make_token
from tests.support.subprocesses import environment, run_python
from token_exchange_core.revocation_set import Revocation, RevocationKind

pytestmark = pytest.mark.processes


def token_of(issuer: Issuer, **claims: Any) -> str:
    now = int(time.time())
    times = {"iss": issuer.url, "iat": now, "exp": now + 600}
    return make_token(payload={**PAYLOAD, **times, **claims})


def ask(issuer: Issuer, tmp_path: Path, *requests: tuple[str, str]) -> tuple[list[Any], list[str]]:
    """Return what the service answered to each request, and which modules of ours it has."""
    finished = run_python(
        "-m",
        "tests.resource_server.service",
        env=environment(
            tmp_path,
            DJANGO_SETTINGS_MODULE="tests.resource_server.service_settings",
            ISSUER=issuer.url,
            NO_PROXY="127.0.0.1",
        ),
        text="".join(f"{json.dumps(each)}\n" for each in requests),
    )
    assert finished.returncode == 0, finished.stderr
    assert "hidden" not in finished.stdout + finished.stderr
    *answers, modules = map(json.loads, finished.stdout.splitlines())
    return answers, modules


class TestWithoutTables:
    def test_tokens_of_machines_and_of_users(self, issuer, tmp_path):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(FEED_PATH, page(as_of=int(time.time())))
        machine, user = token_of(issuer), token_of(issuer, sub="user:7")
        answers, modules = ask(
            issuer, tmp_path, ("/reports", f"Bearer {machine}"), ("/reports", f"Bearer {user}")
        )
        principal = {"user": "Principal sk_live.abc", "organization": "42"}
        assert answers == [
            [200, None, {**principal, "subject": "sk_live.abc"}],
            [200, None, {**principal, "subject": "user:7"}],
        ]
        assert "token_exchange.resource_server.verifier" in modules
        assert [name for name in modules if name.startswith("token_exchange.models")] == []

    def test_refusals_are_as_everywhere(self, issuer, tmp_path):
        issuer.says(JWKS_PATH, jwks(KEY))
        issuer.says(
            FEED_PATH,
            page(
                position=1,
                as_of=int(time.time()),
                revocations=[
                    Revocation(
                        kind=RevocationKind.TOKEN,
                        subject="revoked",
                        expires_at=int(time.time()) + 9999,
                    )
                ],
                inactive_users=frozenset({"8"}),
            ),
        )
        header = {**HEADER, "kid": OTHER_KEY.kid}
        tokens = [
            token_of(issuer, jti="revoked"),
            token_of(issuer, sub="user:8"),
            token_of(issuer, aud="https://other.test"),
            token_of(issuer, iss="https://other.test"),
            make_token(header, key=OTHER_KEY),
        ]
        requests = [("/reports", f"Bearer {each}") for each in tokens]
        expired, good = token_of(issuer, exp=int(time.time()) - 1), token_of(issuer)
        answers, _ = ask(
            issuer,
            tmp_path,
            *requests,
            ("/reports", f"Bearer {expired}"),
            ("/reports", ""),
            ("/deletion", f"Bearer {good}"),
        )
        assert [status for status, _, _ in answers] == [401] * 7 + [403]
        errors = [body["error"] for _, _, body in answers]
        assert errors == ["invalid_token"] * 6 + ["invalid_request", "insufficient_scope"]
        assert "expired" in answers[5][2]["error_description"]
        assert answers[6][1] == 'Bearer realm="token_exchange"'

    def test_issuer_that_was_never_there_is_503(self, issuer, tmp_path):
        token = token_of(issuer)
        issuer.close()
        [(status, challenge, body)], _ = ask(issuer, tmp_path, ("/reports", f"Bearer {token}"))
        assert (status, challenge, body["error"]) == (503, None, "temporarily_unavailable")
