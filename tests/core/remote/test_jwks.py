"""RemoteKeys: fetching the keys that another issuer publishes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.remote.jwk import GOOD, KEY, OTHER_KEY, knows, make_keys
from tests.support.fake_issuer import JWKS_PATH, NOT_MODIFIED, Issuer, Reply, jwk_set, jwks
from tests.support.thread_pool import call_in_threads
from token_exchange_core.keys import SigningKey
from token_exchange_core.remote import RemoteKeys


@pytest.fixture
def keys(issuer: Issuer, elapsed: Any) -> RemoteKeys:
    return make_keys(issuer)


class TestGoodSet:
    def test_keys_are_known_by_their_kid(self, keys, issuer):
        issuer.says(JWKS_PATH, jwks(KEY, OTHER_KEY))
        assert knows(keys, KEY)
        assert knows(keys, OTHER_KEY)
        assert issuer.asked(JWKS_PATH) == 1

    def test_every_algorithm(self, issuer, keys):
        made = [SigningKey.generate(each) for each in ("RS256", "ES256", "EdDSA")]
        issuer.says(JWKS_PATH, jwks(*made))
        assert all(knows(keys, each) for each in made)

    def test_what_a_key_says_besides_does_not_matter(self, issuer, keys):
        jwk = {**GOOD, "key_ops": ["verify"], "x5u": "https://attacker.test", "ext": True}
        issuer.says(JWKS_PATH, jwk_set([jwk]))
        assert knows(keys)

    def test_kid_is_the_thumbprint_whatever_the_set_says(self, issuer, keys):
        """So no key can be put in another's place."""
        issuer.says(JWKS_PATH, jwk_set([GOOD, {**OTHER_KEY.public.public_jwk, "kid": KEY.kid}]))
        assert knows(keys, KEY)
        assert knows(keys, OTHER_KEY)

    def test_same_key_twice(self, issuer, keys):
        issuer.says(JWKS_PATH, jwk_set([GOOD, GOOD]))
        assert knows(keys)

    def test_removed_key_is_gone_with_the_next_set(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY, OTHER_KEY), jwks(KEY))
        assert knows(keys, OTHER_KEY)
        elapsed.seconds += 301
        assert not knows(keys, OTHER_KEY)
        assert knows(keys, KEY)

    def test_unchanged_set_is_not_sent_again(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY, ETag='"1"'), NOT_MODIFIED)
        assert knows(keys)
        for _ in range(2):
            elapsed.seconds += 301
            assert knows(keys)
        assert [each.headers.get("if-none-match") for each in issuer.received] == [
            None,
            '"1"',
            '"1"',
        ]


class TestAge:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, 300),
            ({"Cache_Control": "public, max-age=120"}, 120),
            ({"Cache_Control": "MAX-AGE=120, public"}, 120),
            ({"Cache_Control": "s-maxage=20, max-age=120"}, 120),
            ({"Cache_Control": "max-age=120", "Age": "100"}, 20),
            ({"Cache_Control": "max-age=120", "Age": "later"}, 120),
            ({"Cache_Control": "max-age=100000"}, 300),
            ({"Cache_Control": "max-age=0"}, 10),
            ({"Cache_Control": "max-age=120", "Age": "1000"}, 10),
            ({"Cache_Control": "public, no-cache"}, 10),
            ({"Cache_Control": "max-age=120, no-store"}, 10),
            ({"Cache_Control": "max-age=-1"}, 300),
            ({"Cache_Control": f"max-age={'9' * 5000}"}, 300),
        ],
    )
    def test_is_what_the_answer_says_within_bounds(self, issuer, keys, elapsed, headers, seconds):
        issuer.says(JWKS_PATH, jwks(KEY, **headers))
        keys()
        elapsed.seconds += seconds - 1
        keys()
        assert issuer.asked(JWKS_PATH) == 1
        elapsed.seconds += 2
        keys()
        assert issuer.asked(JWKS_PATH) == 2

    def test_is_shorter_where_it_is_told_to_be(self, issuer, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY, Cache_Control="max-age=0"))
        keys = make_keys(issuer, max_age_seconds=2)
        keys()
        elapsed.seconds += 3
        keys()
        assert issuer.asked(JWKS_PATH) == 2


class TestUnknownKid:
    def test_new_key_is_found_at_once(self, issuer, keys):
        """An emergency rotation signs at once."""
        issuer.says(JWKS_PATH, jwks(KEY), jwks(KEY, OTHER_KEY))
        assert knows(keys, KEY)
        assert knows(keys, OTHER_KEY)

    def test_many_ask_once_a_minute(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY))
        for number in range(120):
            assert keys().verification_key(f"kid-{number}") is None
            elapsed.seconds += 1
        assert issuer.asked(JWKS_PATH) == 3

    def test_many_at_once_ask_once(self, issuer, keys):
        issuer.says(JWKS_PATH, jwks(KEY), jwks(KEY, OTHER_KEY))
        keys()
        assert call_in_threads(10, lambda: knows(keys, OTHER_KEY)) == [True] * 10
        assert issuer.asked(JWKS_PATH) == 2

    def test_asks_nobody_while_the_issuer_is_away(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY), Reply(status=500))
        keys()
        elapsed.seconds += 301
        keys()
        asked = issuer.asked(JWKS_PATH)
        assert not knows(keys, OTHER_KEY)
        assert issuer.asked(JWKS_PATH) == asked
