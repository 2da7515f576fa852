"""match_secret: which of a credential's secrets a digest matches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.factories import make_api_key
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.credentials.secret_match import SecretMatch, match_secret
from token_exchange_core.secret_strings import NO_DIGEST, make_secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


class TestMatchSecret:
    @pytest.fixture
    def row(self):
        return make_api_key(now=NOW).credential

    def test_current_secret_matches(self, row):
        assert match_secret(row, row.secret_digest, now=NOW) is SecretMatch.CURRENT

    @pytest.mark.parametrize(
        ("age", "expected"),
        [
            (HOUR - timedelta(seconds=1), SecretMatch.PREVIOUS),
            (HOUR, SecretMatch.PREVIOUS_EXPIRED),
        ],
    )
    def test_previous_secret_matches_until_the_overlap_ends(self, row, age, expected):
        digest = row.secret_digest
        rotated = credentials.rotate(row, overlap=HOUR, act=Act(now=NOW)).credential
        assert match_secret(rotated, digest, now=NOW + age) is expected
        assert match_secret(rotated, rotated.secret_digest, now=NOW) is SecretMatch.CURRENT

    def test_another_secret_of_the_same_identifier_does_not_match(self, row):
        other = make_secret(row.identifier)
        assert match_secret(row, other.digest, now=NOW) is None

    @pytest.mark.parametrize("digest", [NO_DIGEST, "f" * 64])
    def test_nothing_matches_without_a_row(self, digest):
        assert match_secret(None, digest, now=NOW) is None
