"""Rotation: the next key is published first and signs later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.signals import pre_save

from tests.issuer.signing_keys.conftest import START, accepts, kids, published
from tests.support.factories import make_user
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys import SigningKeyConflict, rotate_signing_key
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange.signals import signing_key_published, signing_key_removed
from token_exchange_core.errors import InvalidToken
from token_exchange_core.keys import SigningKey as GeneratedKey

SECOND = timedelta(seconds=1)
PUBLISHED_BEFORE = timedelta(seconds=360)
"""JWKS_MAX_AGE and a minute."""
PUBLISHED_AFTER = timedelta(days=1, seconds=300)
"""The longest token lifetime, and JWKS_MAX_AGE once more."""


def states(now) -> dict[str, KeyState]:
    return {key.kid: key.state(now=now) for key in SigningKey.objects.order_by("sequence")}


class TestLifeOfAKey:
    """Next, current, retired, gone; and nobody's token breaks on the way."""

    def test_is_published_before_it_signs(self, clock, first_key, mint):
        before = published()
        new = rotate_signing_key(act=Act(now=START))
        assert new.activates_at == START + PUBLISHED_BEFORE
        assert states(START) == {first_key.kid: KeyState.CURRENT, new.kid: KeyState.NEXT}
        assert kids(before) == [first_key.kid]
        assert kids(published()) == [first_key.kid, new.kid]
        now = clock.at(PUBLISHED_BEFORE - SECOND)
        assert signing_keys.key_set().current.kid == first_key.kid
        assert signing_keys.key_set().is_changing is True
        # Whoever fetched the keys at any time knows the one that signs now.
        assert accepts(before, mint())
        assert accepts(published(), mint())
        assert states(now)[new.kid] == KeyState.NEXT

    def test_signs_once_everybody_has_it(self, clock, first_key, mint):
        new = rotate_signing_key(act=Act(now=START))
        fetched_at_once = published()
        old_token = mint()
        now = clock.at(PUBLISHED_BEFORE)
        assert states(now) == {first_key.kid: KeyState.RETIRED, new.kid: KeyState.CURRENT}
        assert signing_keys.key_set().current.kid == new.kid
        assert signing_keys.key_set().is_changing is False
        assert accepts(fetched_at_once, mint())
        assert kids(published()) == [first_key.kid, new.kid]
        # The retired key's tokens are good, here and elsewhere.
        assert accepts(published(), old_token)
        assert verify_access_token(old_token, now=now.timestamp()).claims.client_id

    def test_stays_until_its_last_token_is_dead(self, clock, first_key):
        new = rotate_signing_key(act=Act(now=START))
        now = clock.at(PUBLISHED_BEFORE + PUBLISHED_AFTER - SECOND)
        assert states(now)[first_key.kid] == KeyState.RETIRED
        assert kids(published()) == [first_key.kid, new.kid]
        now = clock.at(PUBLISHED_BEFORE + PUBLISHED_AFTER)
        assert states(now)[first_key.kid] == KeyState.GONE
        assert kids(published()) == [new.kid]

    def test_is_shown_by_its_kid(self, first_key):
        assert str(first_key) == first_key.kid == signing_keys.key_set().current.kid


class TestRotate:
    def test_is_refused_while_a_key_waits(self, clock, first_key):
        new = rotate_signing_key(act=Act(now=START))
        now = clock.at(PUBLISHED_BEFORE - SECOND)
        with pytest.raises(SigningKeyConflict) as caught:
            rotate_signing_key(act=Act(now=now))
        assert str(caught.value) == (
            f"Key {new.kid} is published and signs from 2026-01-01T00:06:00+00:00; "
            "rotate after that."
        )
        # Nothing of the refused attempt stays.
        assert list(SigningKey.objects.values_list("retires_at", flat=True)) == [
            None,
            START + PUBLISHED_BEFORE,
        ]
        now = clock.at(PUBLISHED_BEFORE)
        third = rotate_signing_key(act=Act(now=now))
        assert kids(published()) == [first_key.kid, new.kid, third.kid]

    def test_is_known_to_this_process_at_once(self, first_key):
        assert kids(published()) == [first_key.kid]
        new = rotate_signing_key(act=Act(now=START))
        assert kids(published()) == [first_key.kid, new.kid]

    def test_follows_the_settings(self, clock, first_key, mint, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256", JWKS_MAX_AGE=3600)
        old_token = mint()
        new = rotate_signing_key(act=Act(now=START))
        assert (new.algorithm, new.activates_at) == ("ES256", START + timedelta(seconds=3660))
        clock.at(timedelta(seconds=3660))
        new_token = mint()
        assert accepts(published(), new_token)
        token_exchange_settings(ALGORITHM="EdDSA", JWKS_MAX_AGE=0)
        third = rotate_signing_key(act=Act(now=START + timedelta(seconds=3660)))
        assert third.activates_at == START + timedelta(seconds=3720)
        clock.at(timedelta(seconds=1000))
        assert accepts(published(), old_token)

    def test_is_announced_after_the_commit(
        self, first_key, hear, django_capture_on_commit_callbacks
    ):
        said, operator = hear(signing_key_published), make_user()
        with django_capture_on_commit_callbacks(execute=True):
            new = rotate_signing_key(act=Act(now=START, by=operator))
            assert said == []
        assert said == [{"signing_key": new, "by": operator}]

    @pytest.mark.parametrize("all_new", [False, True])
    def test_is_refused_when_another_process_was_faster(self, first_key, all_new):
        """Its key appears between our look at the newest and our INSERT."""

        def be_faster(*, instance, **_: object) -> None:
            other = GeneratedKey.generate("EdDSA")
            SigningKey.objects.bulk_create(
                [
                    SigningKey(
                        sequence=instance.sequence,
                        kid=other.kid,
                        algorithm="EdDSA",
                        public_jwk=dict(other.public.public_jwk),
                        published_at=START,
                        activates_at=START,
                    )
                ]
            )

        pre_save.connect(be_faster, sender=SigningKey)
        try:
            with pytest.raises(SigningKeyConflict, match="has just published"):
                rotate_signing_key(all_new=all_new, act=Act(now=START))
        finally:
            pre_save.disconnect(be_faster, sender=SigningKey)
        first_key.refresh_from_db()
        assert (first_key.retires_at, first_key.removed_at) == (None, None)


class TestAllNew:
    def test_ends_every_other_key_at_once(self, first_key, mint):
        waiting = rotate_signing_key(act=Act(now=START))
        token = mint()
        assert verify_access_token(token, now=START.timestamp())
        new = rotate_signing_key(all_new=True, act=Act(now=START))
        assert states(START) == {
            first_key.kid: KeyState.GONE,
            waiting.kid: KeyState.GONE,
            new.kid: KeyState.CURRENT,
        }
        assert kids(published()) == [new.kid]
        with pytest.raises(InvalidToken) as caught:
            verify_access_token(token, now=START.timestamp())
        assert caught.value.reason == "unknown_kid"
        assert verify_access_token(mint(), now=START.timestamp())

    def test_forgets_the_private_halves(self, first_key):
        new = rotate_signing_key(all_new=True, act=Act(now=START))
        stored = dict(SigningKey.objects.values_list("kid", "encrypted_private_key"))
        assert stored[first_key.kid] == ""
        assert stored[new.kid] != ""

    def test_is_announced_after_the_commit(
        self, first_key, hear, django_capture_on_commit_callbacks
    ):
        published_keys, removed, operator = (
            hear(signing_key_published),
            hear(signing_key_removed),
            make_user(),
        )
        with django_capture_on_commit_callbacks(execute=True):
            new = rotate_signing_key(all_new=True, act=Act(now=START, by=operator))
            assert removed == []
        assert removed == [{"signing_key": first_key, "by": operator}]
        assert published_keys == [{"signing_key": new, "by": operator}]
        # A second time the key that is gone already is not told of again.
        with django_capture_on_commit_callbacks(execute=True):
            rotate_signing_key(all_new=True, act=Act(now=START + SECOND))
        assert [each["signing_key"] for each in removed] == [first_key, new]
