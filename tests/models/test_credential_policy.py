"""CredentialPolicy: normalisation, comparison, columns."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.models.rows import HOUR, NOW
from token_exchange.models.credential_policy import (
    INHERITED_FIELDS,
    POLICY_FIELDS,
    CredentialPolicy,
    effective_audience,
)

OURS = "https://issuer.test"
WIDE = CredentialPolicy(
    scopes=frozenset("ab"),
    audience=(OURS, "https://a.test"),
    token_lifetime=2 * HOUR,
    allowed_networks=("192.0.2.0/24",),
    expires_at=NOW + HOUR,
)
EXCESSES = [
    ("scopes", frozenset("abc")),
    ("audience", ("https://b.test",)),
    ("allowed_networks", ("198.51.100.0/24",)),
    ("allowed_networks", ()),
    ("expires_at", NOW + 2 * HOUR),
    ("expires_at", None),
]


def changed(**values):
    return CredentialPolicy.from_columns({**WIDE.as_columns(), **values})


def test_fields():
    assert POLICY_FIELDS == (
        "scopes",
        "audience",
        "token_lifetime",
        "allowed_networks",
        "expires_at",
    )
    assert set(POLICY_FIELDS) - set(INHERITED_FIELDS) == {"allowed_networks"}


def test_empty_audience_is_the_setting():
    assert effective_audience([]) == (OURS,)
    assert CredentialPolicy().effective_audience == {OURS}


def test_columns_and_back():
    assert CredentialPolicy.from_columns({**WIDE.as_columns(), "name": "ignored"}) == WIDE
    assert WIDE.as_columns()["scopes"] == ["a", "b"]


def test_lists_become_values_that_compare():
    assert CredentialPolicy(scopes=["b", "a"], audience=["x"]) == CredentialPolicy(
        scopes=frozenset("ab"), audience=("x",)
    )


@pytest.mark.parametrize("name", ["scopes", "audience", "allowed_networks"])
def test_one_string_is_refused(name):
    with pytest.raises(TypeError, match=f"{name} must be a collection"):
        CredentialPolicy(**{name: "abc"})


@pytest.mark.parametrize(("name", "value"), EXCESSES)
def test_excess_names_the_field(name, value):
    wider = changed(**{name: value})
    assert wider.excess(WIDE) == name
    assert not wider.within(WIDE)
    assert WIDE.within(WIDE)


def test_token_lifetime_is_no_excess():
    assert changed(token_lifetime=timedelta(days=1)).within(WIDE)


def test_no_bounds_allow_all_networks_and_expiries():
    bounds = CredentialPolicy(scopes=WIDE.scopes, audience=WIDE.audience)
    assert changed(allowed_networks=(), expires_at=None).within(bounds)


def test_networks_never_narrow_what_tokens_inherit():
    assert not changed(allowed_networks=("192.0.2.1/32",)).narrows(WIDE)
