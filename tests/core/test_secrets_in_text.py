"""Secrets in text: found and redacted, whatever surrounds them, for any length of their parts."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core import secret_strings
from token_exchange_core.secret_strings import (
    PREFIX_PATTERN,
    contains_secret,
    find_identifier,
    make_identifier,
    make_secret,
    redact_secrets,
    resembles_secret,
)

PREFIXES = st.from_regex(PREFIX_PATTERN, fullmatch=True)
# Neither ends in what would belong to the prefix, nor begins with what would belong to the secret.
BEFORE = st.sampled_from(
    ["", "ApiKey ", '"', "(", "key=", "https://a.test/?k=", "tell Ann: ", "\n"]
)
AFTER = st.sampled_from(["", " ", '"', ").", ", is leaked", "&x=1", "…", "\n", ".", "-"])
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl-_x"
PUBLIC = [
    "x_y.d0SEp3YJdF9v",
    "x_y.tvZwpNqHDllo3kzxr4",
    "x_y.HhZEZVNXCvcq.",
    "mnQdF5URLavLwhxCpGvbM2",
    "a.b.c",
    "v1.2",
    "www.exampledomain.org",
    "Nightly report of 2026.11.22",
]


def load(**lengths: int) -> ModuleType:
    """Return the module as it would be with other lengths, and no other change."""
    source = Path(secret_strings.__file__).read_text(encoding="utf-8")
    for name, length in lengths.items():
        source, count = re.subn(rf"(?m)^{name}: Final = \d+$", f"{name}: Final = {length}", source)
        assert count == 1
    module = ModuleType("other_secret_strings")
    # Where the dataclass looks for its annotations.
    module.__dict__["__name__"] = secret_strings.__name__
    exec(compile(source, "<other lengths>", "exec"), module.__dict__)
    return module


class TestContainsSecret:
    @given(PREFIXES, BEFORE, AFTER)
    def test_secret_is_found_in_any_text(self, prefix, before, after):
        raw_secret = make_secret(make_identifier(prefix)).raw_secret
        assert contains_secret(f"{before}{raw_secret}{after}")

    @given(PREFIXES, st.integers(1, 49))
    def test_secret_that_is_cut_off_is_found(self, prefix, length):
        secret = make_secret(make_identifier(prefix))
        assert contains_secret(secret.raw_secret[: len(secret.identifier) + 1 + length])

    @given(PREFIXES, st.integers(0, 6))
    def test_secret_without_its_identifier_is_found(self, prefix, missing):
        body = make_secret(make_identifier(prefix)).raw_secret.rpartition(".")[2]
        assert contains_secret(body[missing:])

    def test_access_token_is_found(self):
        assert contains_secret(f"Bearer {JWT}")

    @pytest.mark.parametrize("text", PUBLIC)
    def test_public_text_is_not_a_secret(self, text):
        assert not contains_secret(text)


class TestResemblesSecret:
    """For text that is stored, so public text of any kind must pass."""

    @given(PREFIXES, BEFORE, AFTER, st.integers(0, 6))
    def test_most_of_any_secret_is_found(self, prefix, before, after, missing):
        raw_secret = make_secret(make_identifier(prefix)).raw_secret
        cut_off = raw_secret[: len(raw_secret) - missing]
        assert resembles_secret(f"{before}{cut_off}{after}", prefixes=[])
        assert resembles_secret(f"{before}{cut_off.rpartition('.')[2]}{after}", prefixes=[])

    @given(st.integers(1, 49))
    def test_short_part_counts_behind_an_identifier_of_ours(self, length):
        secret = make_secret(make_identifier("sk_live"))
        part = secret.raw_secret[: len(secret.identifier) + 1 + length]
        assert resembles_secret(part, prefixes=["cs_live", "sk_live"])
        assert not resembles_secret(f"{secret.identifier}. Next", prefixes=["sk_live"])

    def test_secret_in_base64_is_found(self):
        pair = f"ci_live.0123:{make_secret(make_identifier('cs_live')).raw_secret}"
        assert resembles_secret(base64.b64encode(pair.encode()).decode(), prefixes=[])

    def test_access_token_is_found(self):
        assert resembles_secret(f"Bearer {JWT}", prefixes=[])

    @pytest.mark.parametrize(
        "text",
        [*PUBLIC, "x" * 255, "X" * 255, "0a" * 32, "0A" * 32, "read_all.applications.v1"],
    )
    def test_public_text_is_not_a_secret(self, text):
        assert not resembles_secret(text, prefixes=["sk_live"])


class TestRedactSecrets:
    @given(PREFIXES, BEFORE, AFTER)
    def test_identifier_and_surrounding_text_are_kept(self, prefix, before, after):
        secret = make_secret(make_identifier(prefix))
        redacted = redact_secrets(f"{before}{secret.raw_secret}{after}")
        assert redacted == f"{before}{secret.identifier}.[secret]{after}"

    @given(st.lists(PREFIXES, min_size=2, max_size=4))
    def test_every_secret_is_redacted(self, prefixes):
        secrets = [make_secret(make_identifier(prefix)) for prefix in prefixes]
        redacted = redact_secrets(", ".join(each.raw_secret for each in secrets))
        assert redacted == ", ".join(f"{each.identifier}.[secret]" for each in secrets)

    @pytest.mark.parametrize("before", ["x", "KEY", "é", "7"])
    def test_letters_right_before_a_secret_do_not_hide_it(self, before):
        secret = make_secret(make_identifier("sk_live"))
        assert redact_secrets(before + secret.raw_secret) == f"{before}{secret.identifier}.[secret]"

    @pytest.mark.parametrize("length", [1, 20, 43, 48])
    def test_secret_that_is_cut_off_is_redacted(self, length):
        secret = make_secret(make_identifier("sk_live"))
        text = secret.raw_secret[: len(secret.identifier) + 1 + length]
        assert redact_secrets(f"was {text}.") == f"was {secret.identifier}.[secret]."

    def test_secret_whose_prefix_was_cut_off_is_redacted(self):
        _, identifier, body = make_secret(make_identifier("sk_live")).raw_secret.split(".")
        assert redact_secrets(f"live.{identifier}.{body}") == f"live.{identifier}.[secret]"
        assert redact_secrets(f"it is {body}!") == "it is [secret]!"

    def test_access_token_is_redacted(self):
        assert redact_secrets(f"sent {JWT}, twice") == "sent [secret], twice"

    @pytest.mark.parametrize("text", [*PUBLIC, "a" * 40, "b" * 43, "c" * 64])
    def test_other_text_is_unchanged(self, text):
        assert redact_secrets(text) == text

    @given(st.text())
    def test_redacting_twice_changes_nothing(self, text):
        assert redact_secrets(redact_secrets(text)) == redact_secrets(text)


class TestFindIdentifier:
    @given(PREFIXES, BEFORE, AFTER)
    def test_is_that_of_the_secret(self, prefix, before, after):
        secret = make_secret(make_identifier(prefix))
        assert find_identifier(f"{before}{secret.raw_secret}{after}") == secret.identifier

    @pytest.mark.parametrize("text", [*PUBLIC, JWT, "0a" * 24 + "B"])
    def test_is_none_without_an_identifier_and_a_secret(self, text):
        assert find_identifier(text) is None


class TestOtherLengths:
    """The lengths are constants; nothing else has to follow when one of them changes."""

    @pytest.mark.parametrize(
        "lengths",
        [
            {"SECRET_LENGTH": 50},
            {"SECRET_LENGTH": 30},
            {"ID_LENGTH": 16},
            {"ID_LENGTH": 8, "SECRET_LENGTH": 64},
        ],
    )
    def test_secrets_of_that_length_are_found_and_redacted(self, lengths):
        module = load(**lengths)
        secret = module.make_secret(module.make_identifier("sk_live"))
        text = f"({secret.raw_secret})"
        assert module.parse_secret(secret.raw_secret, prefix="sk_live").digest == secret.digest
        assert module.contains_secret(text)
        assert module.contains_secret(secret.raw_secret.rpartition(".")[2])
        assert module.redact_secrets(text) == f"({secret.identifier}.[secret])"
        assert module.find_identifier(text) == secret.identifier
        assert not module.contains_secret(secret.identifier)

    def test_secrets_of_todays_length_are_no_longer_whole(self):
        module = load(SECRET_LENGTH=60)
        body = make_secret(make_identifier("sk_live")).raw_secret.rpartition(".")[2]
        assert not module.contains_secret(body)
        assert module.redact_secrets(body) == body
