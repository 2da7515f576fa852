"""Principal: the attributes and methods of a user, for a machine."""

from __future__ import annotations

import dataclasses

import pytest

from token_exchange.authentication import Principal


class TestPrincipal:
    PRINCIPAL = Principal(identifier="sk_live.abc", organization_id="7", scopes=frozenset({"read"}))

    def test_answers_what_is_asked_of_a_user(self):
        principal = self.PRINCIPAL
        assert principal.is_authenticated is True
        assert principal.is_active is True
        assert principal.is_anonymous is False
        assert principal.is_staff is False
        assert principal.is_superuser is False
        assert principal.pk == principal.id == principal.get_username() == "sk_live.abc"
        assert str(principal) == "sk_live.abc"
        assert (principal.organization_id, principal.scopes) == ("7", {"read"})

    def test_has_no_permission_of_djangos(self):
        principal = self.PRINCIPAL
        assert principal.has_perm("auth.view_user") is False
        assert principal.has_perm("auth.view_user", object()) is False
        assert principal.has_perms([]) is False
        assert principal.has_perms(["auth.view_user"], object()) is False
        assert principal.has_module_perms("auth") is False

    def test_frozen_and_hashable(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            self.PRINCIPAL.identifier = "user:1"
        assert {self.PRINCIPAL: 1}[dataclasses.replace(self.PRINCIPAL)] == 1

    def test_scopes_may_be_none(self):
        assert Principal(identifier="a", organization_id="1").scopes == frozenset()
