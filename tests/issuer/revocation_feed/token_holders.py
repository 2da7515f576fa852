"""A credential with a token, and every way to use them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from tests.support.clients import HttpsClient
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_user,
)
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential

KINDS = ("machine", "user", "app")


class Subject:
    """A machine's API key, a user's, or a client app; and its token."""

    def __init__(self, kind: str, *, is_remembered: bool = False, **values: Any) -> None:
        self.client = HttpsClient()
        self.is_app = kind == "app"
        make = make_client_app if self.is_app else make_api_key
        self.issued = make(**({"owner": make_user()} if kind == "user" else {}), **values)
        header = basic_header if self.is_app else api_key_header
        self.headers = header(self.issued)
        self.token = self.exchanged()
        if is_remembered:
            assert self.is_accepted()

    @property
    def credential(self) -> Credential:
        """The row as it is now."""
        return Credential.objects.get(pk=self.issued.credential.pk)

    @property
    def tokens(self) -> Any:
        return AccessToken.objects.filter(credential=self.issued.credential)

    def exchange(self) -> Any:
        """Ask for a token, which a client app may be given again."""
        return self.client.post("/auth_token" if self.is_app else "/v1/token", headers=self.headers)

    def exchanged(self) -> str:
        answer = self.exchange()
        assert answer.status_code == 200, answer.content
        token = answer.json()["access_token"]
        return token["token"] if self.is_app else token

    def show(self, token: str | None = None) -> int:
        """Show a token to a view, and return the status."""
        headers = bearer_header(token or self.token)
        return self.client.get("/bearer", headers=headers).status_code

    def use(self) -> int:
        """Use the credential itself on a view, and return the status."""
        path = "/app" if self.is_app else "/key"
        return self.client.get(path, headers=self.headers).status_code

    def is_accepted(self) -> bool:
        return self.show() == 200

    def assert_token_is_dead(self) -> None:
        assert self.show() == 401
        assert self.show() == 401

    def assert_refused_everywhere(self) -> None:
        self.assert_token_is_dead()
        assert self.use() == 401
        assert self.exchange().status_code == 401

    def assert_needs_a_new_token(self) -> None:
        """The token is dead and never handed out again; the credential gets another."""
        self.assert_token_is_dead()
        assert self.use() == 200
        new = self.exchanged()
        assert new != self.token
        assert self.show(new) == 200
        self.assert_token_is_dead()

    def assert_unharmed(self) -> None:
        assert self.is_accepted()
        assert self.use() == 200
        assert self.show(self.exchanged()) == 200


def revoke(subject: Subject) -> None:
    credentials.revoke(subject.credential, act=Act(now=timezone.now()))


class Undo(Exception):
    """Rolls back whatever it is raised in."""
