"""Secrets and client ids: generated ones are parsed, all other text is refused."""

from __future__ import annotations

import base64
import hashlib
import string
from collections import Counter
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core import secret_strings
from token_exchange_core.authorization import parse_basic
from token_exchange_core.errors import InvalidClient
from token_exchange_core.secret_strings import (
    BASE62,
    NO_DIGEST,
    PREFIX_PATTERN,
    ReceivedSecret,
    make_client_id,
    make_identifier,
    make_secret,
    parse_client_id,
    parse_secret,
    random_text,
    same_digest,
)

PREFIXES = st.from_regex(PREFIX_PATTERN, fullmatch=True)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
PREFIX = "sk_live"


def a_secret(prefix=PREFIX):
    return make_secret(make_identifier(prefix))


def one_change(text):
    """Another character at one place, one left out, or one put in."""
    places = st.integers(0, len(text) - 1)
    characters = st.characters(exclude_categories=())
    return st.one_of(
        st.builds(lambda i, c: text[:i] + c + text[i + 1 :], places, characters),
        st.builds(
            lambda i, c: text[:i] + c + text[i + 1 :], places, st.sampled_from(f"{BASE62}._")
        ),
        st.builds(lambda i: text[:i] + text[i + 1 :], places),
        st.builds(lambda i, c: text[:i] + c + text[i:], places, st.sampled_from(BASE62)),
        st.sampled_from([f"{text}\n", f" {text}", f"{text} ", f"{text}\0", text.swapcase()]),
    ).filter(lambda changed: changed != text)


class TestSecret:
    @given(PREFIXES)
    def test_what_is_made_is_parsed(self, prefix):
        made = a_secret(prefix)
        received = parse_secret(made.raw_secret, prefix=prefix)
        assert received == ReceivedSecret(identifier=made.identifier, digest=made.digest)
        assert made.raw_secret.startswith(f"{made.identifier}.")

    @given(st.data())
    def test_any_one_change_is_refused(self, data):
        raw_secret = data.draw(st.builds(a_secret)).raw_secret
        changed = data.draw(one_change(raw_secret))
        with pytest.raises(InvalidClient):
            parse_secret(changed, prefix=PREFIX)

    @given(ANY_TEXT | ANY_TEXT.map(f"{PREFIX}.".__add__))
    def test_any_other_text_is_refused(self, text):
        with pytest.raises(InvalidClient) as refused:
            parse_secret(text, prefix=PREFIX)
        assert refused.value.reason == "malformed_secret"
        assert refused.value.description == InvalidClient.description

    @pytest.mark.parametrize("prefix", ["sk_test", "sk_liv", "sk_livee", "s_live", "cs_live", ""])
    def test_another_prefix_or_environment_is_refused(self, prefix):
        with pytest.raises(InvalidClient):
            parse_secret(a_secret().raw_secret, prefix=prefix)

    def test_adjacent_characters_swapped_are_refused(self):
        raw_secret = a_secret().raw_secret
        for place in range(len(raw_secret) - 1):
            left, right = raw_secret[place : place + 2]
            if left != right:
                swapped = f"{raw_secret[:place]}{right}{left}{raw_secret[place + 2 :]}"
                with pytest.raises(InvalidClient):
                    parse_secret(swapped, prefix=PREFIX)

    @given(PREFIXES)
    def test_shape(self, prefix):
        start, identifier, tail = a_secret(prefix).raw_secret.split(".")
        assert (prefix, 12, 43 + 6) == (start, len(identifier), len(tail))
        assert set(identifier + tail) <= set(string.ascii_letters + string.digits)

    def test_at_least_256_bits(self):
        assert secret_strings.SECRET_LENGTH >= 43  # of 5.954 bits each
        assert len(set(BASE62)) == 62

    @given(PREFIXES)
    def test_form_and_url_encoding_change_nothing(self, prefix):
        for text in (a_secret(prefix).raw_secret, make_client_id(prefix), make_identifier(prefix)):
            assert text == quote(text, safe="") == quote_plus(text)
            assert text == unquote(text) == unquote_plus(text)

    @given(PREFIXES, PREFIXES)
    def test_basic_brings_back_what_was_issued(self, id_prefix, secret_prefix):
        client_id, raw_secret = make_client_id(id_prefix), a_secret(secret_prefix).raw_secret
        basic = parse_basic(base64.b64encode(f"{client_id}:{raw_secret}".encode()).decode())
        assert (client_id, raw_secret) == (basic.client_id, basic.raw_client_secret)

    def test_no_two_are_alike(self):
        identifier = make_identifier(PREFIX)
        assert len({make_secret(identifier).raw_secret for _ in range(500)}) == 500

    def test_repr_hides_the_secret(self):
        secret = a_secret()
        assert secret.raw_secret not in repr(secret)
        assert secret.raw_secret.rpartition(".")[2] not in f"{secret!r}{secret}"


class TestClientId:
    @given(PREFIXES)
    def test_what_is_made_is_parsed(self, prefix):
        client_id = make_client_id(prefix)
        assert client_id == parse_client_id(client_id, prefix=prefix)

    @given(st.data())
    def test_any_one_change_is_refused(self, data):
        client_id = data.draw(st.builds(make_client_id, st.just("ci_live")))
        changed = data.draw(one_change(client_id))
        with pytest.raises(InvalidClient):
            parse_client_id(changed, prefix="ci_live")

    @given(ANY_TEXT | ANY_TEXT.map("ci_live.".__add__))
    def test_any_other_text_is_refused(self, text):
        with pytest.raises(InvalidClient) as refused:
            parse_client_id(text, prefix="ci_live")
        assert refused.value.reason == "malformed_client_id"

    def test_secret_is_no_client_id(self):
        with pytest.raises(InvalidClient):
            parse_client_id(a_secret("ci_live").raw_secret, prefix="ci_live")


class TestDigest:
    @given(st.builds(a_secret))
    def test_is_sha256_under_a_length_prefixed_label(self, secret):
        label = b"token_exchange.secret_digest.v1"
        expected = hashlib.sha256(bytes([len(label)]) + label + secret.raw_secret.encode())
        assert expected.hexdigest() == secret.digest
        assert secret.digest != hashlib.sha256(secret.raw_secret.encode()).hexdigest()

    @given(st.builds(a_secret))
    def test_never_equals_what_a_miss_is_compared_with(self, secret):
        assert len(NO_DIGEST) == len(secret.digest)
        assert not same_digest(NO_DIGEST, secret.digest)

    def test_same_digest(self):
        secret = a_secret()
        assert same_digest(secret.digest, parse_secret(secret.raw_secret, prefix=PREFIX).digest)
        assert not same_digest(secret.digest, a_secret().digest)
        assert not same_digest(secret.digest, secret.digest[:-1])


class TestRandomText:
    @given(st.integers(0, 80))
    def test_length_and_alphabet(self, length):
        text = random_text(length)
        assert length == len(text)
        assert set(text) <= set(BASE62)

    def test_every_character_is_as_likely(self):
        """A twentieth more or less is seven standard deviations; a byte modulo 62 gives a fifth."""
        counts = Counter(random_text(62 * 20_000))
        assert set(counts) == set(BASE62)
        assert all(19_000 < count < 21_000 for count in counts.values())


class TestPrefixPattern:
    @pytest.mark.parametrize("prefix", ["sk_live", "a_b", f"a{'1' * 15}_b{'2' * 15}"])
    def test_good(self, prefix):
        assert PREFIX_PATTERN.fullmatch(prefix)

    @pytest.mark.parametrize(
        "prefix",
        [
            "sk",
            "_live",
            "sk_",
            "1k_live",
            "sk_1live",
            "SK_live",
            "sk.live",
            "sk_li_ve",
            "é_live",
            "sk_live\n",
            f"a{'1' * 16}_b",
        ],
    )
    def test_bad(self, prefix):
        assert PREFIX_PATTERN.fullmatch(prefix) is None

    @given(PREFIXES)
    def test_identifiers_have_no_colon(self, prefix):
        """A client id is split from its secret at one, and ``user:`` has one (RFC 9068, 5)."""
        assert ":" not in make_client_id(prefix)
        assert ":" not in make_identifier(prefix)
