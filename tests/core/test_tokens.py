"""Claims: encoding, and strict parsing of any bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.utils import base64url_decode

from tests.support.claims import CLAIMS, PAYLOAD
from token_exchange_core.errors import InvalidToken
from token_exchange_core.tokens import Claims, claims_of, parse_claims, signing_input

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
TIMES = st.integers(-62_135_596_800, 253_402_300_799)
IDENTIFIERS = st.text("abc_.", min_size=1)
SCOPES = st.frozensets(st.text("abc:.", min_size=1))
ANY_CLAIMS = st.builds(
    Claims,
    issuer=TEXT,
    subject=TEXT.map("user:{}".format),
    audience=st.lists(TEXT, min_size=1).map(tuple),
    client_id=IDENTIFIERS,
    scopes=SCOPES,
    issued_at=TIMES,
    expires_at=TIMES,
    jti=TEXT,
    organization_id=TEXT,
    generation=st.integers(0, 2**53 - 1),
    not_before=st.none(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def parse(**changes: Any) -> Claims:
    return parse_claims(json.dumps({**PAYLOAD, **changes}).encode())


class TestParseClaims:
    def test_all_claims(self):
        assert parse() == CLAIMS

    @given(ANY_CLAIMS)
    def test_round_trip(self, claims):
        header, payload = map(
            base64url_decode, signing_input(claims, kid="k", algorithm="EdDSA").split(".")
        )
        assert json.loads(header) == {"alg": "EdDSA", "kid": "k", "typ": "at+jwt"}
        assert claims == parse_claims(payload)
        assert claims == claims_of(signing_input(claims, kid="k", algorithm="EdDSA"))

    @given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
    def test_any_bytes_are_claims_or_refused(self, payload):
        with contextlib.suppress(InvalidToken):
            assert isinstance(parse_claims(payload), Claims)

    @given(st.sampled_from(sorted(PAYLOAD)), JSON)
    def test_any_value_of_a_claim_is_read_or_refused(self, name, value):
        with contextlib.suppress(InvalidToken):
            claims = parse(**{name: value})
            assert all(isinstance(each, str) for each in claims.audience)

    @pytest.mark.parametrize("name", sorted(PAYLOAD))
    def test_each_claim_is_required(self, name):
        payload = {key: value for key, value in PAYLOAD.items() if key != name}
        with pytest.raises(InvalidToken) as refused:
            parse_claims(json.dumps(payload).encode())
        assert refused.value.reason == f"claim_{name}"

    @pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800", "\0", "a\x1fb", "\x7f"])
    @pytest.mark.parametrize("name", ["iss", "sub", "client_id", "scope", "jti", "org", "aud"])
    def test_text_must_be_usable(self, name, text):
        """RFC 7493, section 2.1."""
        for value in (text, f"x{text}", f"user:{text}"):
            with pytest.raises(InvalidToken) as refused:
                parse(**{name: value})
            assert refused.value.reason == f"claim_{name}"
        with pytest.raises(InvalidToken):
            parse(aud=["https://api.test", text])

    def test_pair_of_surrogates_is_one_character(self):
        assert parse(org="\U0001f600").organization_id == "\U0001f600"

    @pytest.mark.parametrize("value", [10**12, 253_402_300_800, 10**99, -(10**99), -62_135_596_801])
    @pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
    def test_time_must_be_one_that_a_calendar_has(self, name, value):
        with pytest.raises(InvalidToken) as refused:
            parse(**{name: value})
        assert refused.value.reason == f"claim_{name}"

    @pytest.mark.parametrize("value", [253_402_300_799, -62_135_596_800])
    def test_first_and_last_times_of_the_calendar(self, value):
        claims = parse(iat=value, exp=value, nbf=value)
        assert datetime.fromtimestamp(claims.expires_at, UTC).year in {1, 9999}
        assert (claims.issued_at, claims.not_before) == (value, value)

    @pytest.mark.parametrize("value", [-1, 2**53, 10**99])
    def test_generation_must_be_a_number_that_every_parser_reads(self, value):
        """RFC 7493, section 2.2."""
        with pytest.raises(InvalidToken) as refused:
            parse(gen=value)
        assert refused.value.reason == "claim_gen"
        assert parse(gen=2**53 - 1).generation == 2**53 - 1

    @pytest.mark.parametrize("subject", ["user:", "user", "USER:1", "sk_live.other", "service:1"])
    def test_subject_is_the_credential_or_a_user(self, subject):
        with pytest.raises(InvalidToken) as refused:
            parse(sub=subject)
        assert refused.value.reason == "claim_sub"

    def test_subject_is_not_both(self):
        """RFC 9068, section 5: a credential never collides with a user."""
        with pytest.raises(InvalidToken) as refused:
            parse(sub="user:1", client_id="user:1")
        assert refused.value.reason == "claim_sub"
        assert parse(sub="user:1").user_id == "1"

    @pytest.mark.parametrize("value", [None, True, 1, 1.5, ["a"], {"a": "b"}])
    @pytest.mark.parametrize("name", ["iss", "sub", "client_id", "scope", "jti", "org"])
    def test_text_must_be_text(self, name, value):
        with pytest.raises(InvalidToken) as refused:
            parse(**{name: value})
        assert refused.value.reason == f"claim_{name}"

    @pytest.mark.parametrize("name", ["iss", "sub", "client_id", "jti", "org"])
    def test_text_must_not_be_empty(self, name):
        with pytest.raises(InvalidToken):
            parse(**{name: ""})

    @pytest.mark.parametrize("value", [None, True, False, 1.0, 1e400, "1700000000", [1], {}])
    @pytest.mark.parametrize("name", ["iat", "exp", "gen", "nbf"])
    def test_number_must_be_whole(self, name, value):
        with pytest.raises(InvalidToken):
            parse(**{name: value})

    @pytest.mark.parametrize("value", ["", [], [""], ["a", ""], ["a", 1], [["a"]], {"a": 1}, 1])
    def test_audience_must_name_somebody(self, value):
        with pytest.raises(InvalidToken) as refused:
            parse(aud=value)
        assert refused.value.reason == "claim_aud"

    @pytest.mark.parametrize("value", ["a", ["a"]])
    def test_audience_of_one_may_be_text_or_a_list(self, value):
        assert parse(aud=value).audience == ("a",)

    def test_scope_may_be_empty(self):
        claims = parse(scope="")
        assert (claims.scopes, claims.scope) == (frozenset(), "")

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"1",
            b"\xff",
            b"{",
            b"{} {}",
            b"NaN",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"9" * 100_000,
        ],
    )
    def test_not_an_object(self, payload):
        with pytest.raises(InvalidToken) as refused:
            parse_claims(payload)
        assert refused.value.reason == "malformed_claims"

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    def test_constants_are_not_json(self, number):
        payload = json.dumps(PAYLOAD).replace('"gen": 3', f'"gen": 3, "x": {number}').encode()
        with pytest.raises(InvalidToken) as refused:
            parse_claims(payload)
        assert refused.value.reason == "malformed_claims"

    @pytest.mark.parametrize("name", ["exp", "extra"])
    def test_repeated_member(self, name):
        again = json.dumps({name: 1})[1:-1]
        payload = json.dumps({**PAYLOAD, "extra": 1})[:-1] + f", {again}}}"
        with pytest.raises(InvalidToken) as refused:
            parse_claims(payload.encode())
        assert refused.value.reason == "malformed_claims"

    def test_repeated_member_of_a_member(self):
        payload = json.dumps(PAYLOAD)[:-1] + ', "extra": {"a": 1, "a": 2}}'
        with pytest.raises(InvalidToken):
            parse_claims(payload.encode())

    def test_unknown_claims_are_ignored(self):
        assert parse(extra={"deep": [1, None]}) == CLAIMS

    def test_bound_to_a_key_is_no_bearer_token(self):
        """RFC 9449, section 7.2; RFC 8705, section 3."""
        with pytest.raises(InvalidToken) as refused:
            parse(cnf={"jkt": "x"})
        assert refused.value.reason == "claim_cnf"

    def test_not_before_is_optional(self):
        assert (parse().not_before, parse(nbf=5).not_before) == (None, 5)


class TestClaims:
    def test_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            CLAIMS.subject = "user:1"

    def test_scope_is_sorted(self):
        assert dataclasses.replace(CLAIMS, scopes=frozenset("cab")).scope == "a b c"

    @pytest.mark.parametrize(
        ("subject", "user_id"),
        [("user:7", "7"), ("user:a:b", "a:b"), ("sk_live.abc", None), ("users:7", None)],
    )
    def test_user_id(self, subject, user_id):
        assert user_id == dataclasses.replace(CLAIMS, subject=subject).user_id


class TestSigningInput:
    def test_members(self):
        payload = signing_input(CLAIMS, kid="k", algorithm="EdDSA").partition(".")[2]
        assert json.loads(base64url_decode(payload)) == PAYLOAD

    def test_several_audiences_are_a_list(self):
        claims = dataclasses.replace(CLAIMS, audience=("a", "b"))
        payload = signing_input(claims, kid="k", algorithm="EdDSA").partition(".")[2]
        assert json.loads(base64url_decode(payload))["aud"] == ["a", "b"]

    def test_same_claims_are_the_same_bytes(self):
        """Scopes have no order in memory, and a token that is handed out again must have one."""
        again = dataclasses.replace(CLAIMS, scopes=frozenset({"reports:write", "reports:read"}))
        first, _second = (
            signing_input(each, kid="k", algorithm="EdDSA") for each in (CLAIMS, again)
        )
        assert first == signing_input(again, kid="k", algorithm="EdDSA")
