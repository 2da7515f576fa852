"""Where a credential and a signing key stand, by their times alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.models.rows import DAY, HOUR, NOW
from tests.support.factories import make_api_key
from token_exchange.models import (
    Credential,
    SigningKey,
)
from token_exchange.models.credential_state import State
from token_exchange.models.signing_key import KeyState


@pytest.mark.django_db
class TestState:
    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({}, State.ACTIVE),
            ({"expires_at": NOW + 30 * DAY + timedelta(microseconds=1)}, State.ACTIVE),
            ({"expires_at": NOW + 30 * DAY}, State.EXPIRING),
            ({"expires_at": NOW + timedelta(microseconds=1)}, State.EXPIRING),
            ({"expires_at": NOW}, State.EXPIRED),
            ({"previous_secret_expires_at": NOW + HOUR}, State.ROTATING),
            ({"previous_secret_expires_at": NOW}, State.ACTIVE),
            ({"previous_secret_expires_at": NOW + HOUR, "expires_at": NOW}, State.EXPIRED),
            ({"revoked_at": NOW - HOUR}, State.REVOKED),
            ({"revoked_at": NOW + HOUR}, State.REVOKED),
            (
                {"revoked_at": NOW, "expires_at": NOW, "previous_secret_expires_at": NOW + DAY},
                State.REVOKED,
            ),
        ],
    )
    def test_of_a_credential(self, values, state):
        assert state == Credential(**values).state(now=NOW)
        if "previous_secret_expires_at" in values:
            values = {**values, "previous_secret_digest": "0" * 64}
        key = make_api_key().credential
        Credential.objects.filter(pk=key.pk).update(**values)
        found = [each for each in State if Credential.objects.in_state(each, now=NOW).exists()]
        assert found == [state]
        assert list(Credential.objects.in_state(state, now=NOW)) == [key]

    def test_a_credential_can_rotate_and_expire_at_once(self):
        times = {"expires_at": NOW + DAY, "previous_secret_expires_at": NOW + HOUR}
        assert Credential(**times).states(now=NOW) == (State.ROTATING, State.EXPIRING)
        key = make_api_key().credential
        Credential.objects.filter(pk=key.pk).update(previous_secret_digest="0" * 64, **times)
        found = [each for each in State if Credential.objects.in_state(each, now=NOW).exists()]
        assert found == [State.ROTATING, State.EXPIRING]

    def test_nothing_expires_soon_where_nobody_is_warned(self, token_exchange_settings):
        token_exchange_settings(EXPIRY_WARNINGS=[])
        soon = {"expires_at": NOW + timedelta(seconds=1)}
        assert Credential(**soon).states(now=NOW) == (State.ACTIVE,)
        key = make_api_key().credential
        Credential.objects.filter(pk=key.pk).update(**soon)
        assert list(Credential.objects.in_state(State.ACTIVE, now=NOW)) == [key]
        assert not Credential.objects.in_state(State.EXPIRING, now=NOW).exists()

    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({"activates_at": NOW + timedelta(microseconds=1)}, KeyState.NEXT),
            ({"activates_at": NOW}, KeyState.CURRENT),
            ({"activates_at": NOW, "retires_at": NOW + HOUR}, KeyState.CURRENT),
            ({"activates_at": NOW - DAY, "retires_at": NOW}, KeyState.RETIRED),
            ({"activates_at": NOW, "removed_at": NOW}, KeyState.GONE),
            ({"activates_at": NOW + HOUR, "removed_at": NOW}, KeyState.GONE),
            ({"activates_at": NOW - 9 * DAY, "retires_at": NOW - 2 * DAY}, KeyState.GONE),
        ],
    )
    def test_of_a_signing_key(self, values, state):
        assert state == SigningKey(**values).state(now=NOW)

    def test_published_keys_are_those_that_are_not_gone(self, token_exchange_settings):
        token_exchange_settings(JWKS_MAX_AGE=600)
        SigningKey.objects.all().delete()
        ends = [None, NOW + HOUR, NOW, NOW - DAY, NOW - DAY - timedelta(minutes=10), NOW - 2 * DAY]
        ends += [NOW - DAY - timedelta(minutes=9, seconds=59)]
        for number, retires_at in enumerate(ends):
            for removed_at in (None, NOW):
                SigningKey.objects.create(
                    sequence=2 * number + (removed_at is None),
                    kid=f"{number}{removed_at}",
                    algorithm="EdDSA",
                    public_jwk={},
                    published_at=NOW - 9 * DAY,
                    activates_at=NOW - 9 * DAY,
                    retires_at=retires_at,
                    removed_at=removed_at,
                )
        published = list(SigningKey.objects.published(now=NOW))
        assert [each.kid for each in published] == ["0None", "1None", "2None", "3None", "6None"]
        alive = [each for each in SigningKey.objects.all() if each.state(now=NOW) != KeyState.GONE]
        assert {each.pk for each in alive} == {each.pk for each in published}
