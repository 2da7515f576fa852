"""Rules that the row of a token keeps by itself."""

from __future__ import annotations

import pytest
from django.db import NotSupportedError

from tests.models.rows import HOUR, NOW, make, make_token
from token_exchange.models import AccessToken

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("names", [None, ["revoked_at"], ["scope"]])
def test_a_stored_token_is_not_saved(names):
    """A stale copy would write a revocation away, and no verifier would hear of a new one."""
    stale = make_token(make())
    AccessToken.objects.update(revoked_at=NOW)
    with pytest.raises(ValueError, match="revoke_access_token"):
        stale.save(update_fields=names)
    assert AccessToken.objects.get().revoked_at == NOW


def test_a_revoked_token_stays_revoked():
    """Verifiers have been told that it is dead."""
    make_token(make(), revoked_at=NOW)
    with pytest.raises(ValueError, match="stays revoked"):
        AccessToken.objects.update(revoked_at=None)
    assert AccessToken.objects.get().revoked_at == NOW


def test_what_is_no_end_tells_the_feed_of_none(django_assert_num_queries):
    make_token(make())
    with django_assert_num_queries(1):
        assert AccessToken.objects.update(scope="x") == 1


def test_an_insert_writes_over_no_token():
    token = make_token(make())
    token.revoked_at = NOW
    with pytest.raises(NotSupportedError):
        AccessToken.objects.bulk_create(
            [token], update_conflicts=True, unique_fields=["id"], update_fields=["revoked_at"]
        )
    assert AccessToken.objects.get().revoked_at is None
    token.pk, token.jti = None, "another"
    assert AccessToken.objects.bulk_create([token]) == [token]


def test_a_new_token_is_saved_once():
    token = AccessToken(
        jti="x",
        credential=make(),
        generation=1,
        audience=[],
        kid="x",
        issued_at=NOW,
        expires_at=NOW + HOUR,
    )
    token.save()
    assert AccessToken.objects.get() == token
    with pytest.raises(ValueError, match="revoke_access_token"):
        token.save()
