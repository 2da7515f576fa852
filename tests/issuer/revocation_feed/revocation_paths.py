"""Every way to revoke a token or a credential, or to deactivate or delete its holder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from tests.admin.conftest import OperatorClient
from tests.issuer.revocation_feed.token_holders import KINDS, Subject
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_user
from token_exchange.issuer import credentials, signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, Organization, SigningKey


@dataclass(frozen=True)
class Way:
    """How somebody is stopped."""

    do: Callable[[Subject, OperatorClient], object]
    credential_ends: bool = True
    """Whether the credential, as the client has it, is refused from then on."""
    kinds: tuple[str, ...] = KINDS
    is_announced: bool = True
    """Whether the process that does it knows at once; else when its copy is too old."""
    undo: Callable[[Subject, OperatorClient], object] | None = None


def command(*words: str) -> None:
    call_command(*words, stdout=StringIO(), stderr=StringIO())


def each_token(do: Callable[[AccessToken], object]) -> Callable[[Subject, OperatorClient], None]:
    def end(subject: Subject, _operator: OperatorClient) -> None:
        for token in subject.tokens:
            do(token)

    return end


def revoke_tokens_in_the_admin(subject: Subject, operator: OperatorClient) -> None:
    for token in subject.tokens:
        operator.send(admin_url("accesstoken", "revoke", token))


def bulk_update_tokens(subject: Subject, _operator: OperatorClient) -> None:
    tokens = list(subject.tokens)
    for token in tokens:
        token.revoked_at = timezone.now()
    AccessToken.objects.bulk_update(tokens, ["revoked_at"])


def invalidate_over_http(subject: Subject, _operator: OperatorClient) -> None:
    assert subject.client.delete("/auth_token", headers=subject.headers).status_code == 200


def remove_signing_key(_subject: Subject, _operator: OperatorClient) -> None:
    newest = SigningKey.objects.filter(removed_at=None).latest("sequence")
    signing_keys.remove_signing_key(newest.kid, act=Act(now=timezone.now()))


def compromise(subject: Subject, _operator: OperatorClient) -> None:
    credentials.rotate(subject.credential, compromised=True, act=Act(now=timezone.now()))


def bulk_update_credential(subject: Subject, _operator: OperatorClient) -> None:
    row = subject.credential
    row.revoked_at = timezone.now()
    Credential.objects.bulk_update([row], ["revoked_at"])


def delete_credential(subject: Subject, _operator: OperatorClient) -> None:
    subject.tokens._raw_delete("default")
    subject.credential.delete()


def delete_credentials(subject: Subject, _operator: OperatorClient) -> None:
    subject.tokens._raw_delete("default")
    rows(subject).delete()


def give_to_another_user(subject: Subject, _operator: OperatorClient) -> None:
    make_user().token_exchange_credentials.add(subject.credential)


def rows(subject: Subject) -> Any:
    return Credential.objects.filter(pk=subject.issued.credential.pk)


def organizations(subject: Subject) -> Any:
    return Organization.objects.filter(pk=subject.issued.credential.organization_id)


def owners(subject: Subject) -> Any:
    return get_user_model().objects.filter(pk=subject.issued.credential.owner_id)


def saved(
    find: Callable[[Subject], Any], *, is_active: bool
) -> Callable[[Subject, OperatorClient], None]:
    def save(subject: Subject, _operator: OperatorClient) -> None:
        row = find(subject).get()
        row.is_active = is_active
        row.save()

    return save


def bulk_updated(
    find: Callable[[Subject], Any], *, is_active: bool
) -> Callable[[Subject, OperatorClient], None]:
    def bulk_update(subject: Subject, _operator: OperatorClient) -> None:
        row = find(subject).get()
        row.is_active = is_active
        type(row).objects.bulk_update([row], ["is_active"])

    return bulk_update


def updated(
    find: Callable[[Subject], Any], *, is_active: bool
) -> Callable[[Subject, OperatorClient], Any]:
    return lambda subject, _operator: find(subject).update(is_active=is_active)


def organization_in_the_admin(*, is_active: bool) -> Callable[[Subject, OperatorClient], None]:
    def send(subject: Subject, operator: OperatorClient) -> None:
        row = organizations(subject).get()
        values = {"name": row.name, "slug": row.slug, **({"is_active": "on"} if is_active else {})}
        assert operator.post(admin_url("organization", "change", row), values).status_code == 302

    return send


def owner_in_the_admin(*, is_active: bool) -> Callable[[Subject, OperatorClient], None]:
    def send(subject: Subject, operator: OperatorClient) -> None:
        row = owners(subject).get()
        values = {"username": row.username, **({"is_active": "on"} if is_active else {})}
        values |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
        url = reverse("admin:auth_user_change", args=[row.pk])
        assert operator.post(url, values).status_code == 302

    return send


def tokens_only(do: Callable[[Subject, OperatorClient], object], **options: Any) -> Way:
    return Way(do, credential_ends=False, **options)


def of_the_owner(do: Callable[[Subject, OperatorClient], object], **options: Any) -> Way:
    return Way(do, kinds=("user",), **options)


TOKEN_WAYS = {
    "revoke_access_token": tokens_only(
        each_token(lambda token: tokens.revoke(token, act=Act(now=timezone.now())))
    ),
    "token in the admin": tokens_only(revoke_tokens_in_the_admin),
    "token update": tokens_only(
        lambda subject, _: subject.tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
    ),
    "token bulk_update": tokens_only(bulk_update_tokens),
    "token expired": tokens_only(
        lambda subject, _: subject.tokens.update(expires_at=timezone.now() - timedelta(days=2))
    ),
    "token with more time": tokens_only(
        lambda subject, _: subject.tokens.update(expires_at=timezone.now() + timedelta(days=2))
    ),
    "token of another id": tokens_only(
        lambda subject, _: [
            subject.tokens.filter(pk=each.pk).update(jti=each.pk) for each in subject.tokens
        ]
    ),
    "token delete": tokens_only(each_token(lambda token: token.delete())),
    "tokens delete": tokens_only(lambda subject, _: subject.tokens.delete()),
    "DELETE /auth_token": tokens_only(invalidate_over_http, kinds=("app",)),
    "signing key removed": tokens_only(remove_signing_key),
    "all signing keys removed": tokens_only(
        lambda *_: signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
    ),
    "all signing keys removed by command": tokens_only(
        lambda *_: command("rotate_signing_key", "--all-new")
    ),
}

CREDENTIAL_WAYS = {
    "revoke": Way(
        lambda subject, _: credentials.revoke(subject.credential, act=Act(now=timezone.now()))
    ),
    "revoke in the admin": Way(
        lambda subject, operator: operator.send(credential_url(subject.credential, "revoke"))
    ),
    "revoke_credential": Way(
        lambda subject, _: command("revoke_credential", subject.credential.identifier)
    ),
    "credential update": Way(
        lambda subject, _: rows(subject).filter(revoked_at=None).update(revoked_at=timezone.now())
    ),
    "credential bulk_update": Way(bulk_update_credential),
    "credential delete": Way(delete_credential),
    "credentials delete": Way(delete_credentials),
    "credential expired": Way(
        lambda subject, _: rows(subject).update(expires_at=timezone.now() - timedelta(seconds=1))
    ),
    "compromise": Way(compromise),
    "compromise in the admin": Way(
        lambda subject, operator: operator.send(
            credential_url(subject.credential, "rotate_compromised"), confirmed="yes"
        )
    ),
    "compromise by command": Way(
        lambda subject, _: command(
            "rotate_credential", subject.credential.identifier, "--compromised"
        )
    ),
}

ORGANIZATION_WAYS = {
    "organization in the admin": Way(
        organization_in_the_admin(is_active=False), undo=organization_in_the_admin(is_active=True)
    ),
    "organization save": Way(
        saved(organizations, is_active=False), undo=saved(organizations, is_active=True)
    ),
    "organization update": Way(
        updated(organizations, is_active=False),
        undo=updated(organizations, is_active=True),
        is_announced=False,
    ),
    "organization bulk_update": Way(
        bulk_updated(organizations, is_active=False),
        undo=bulk_updated(organizations, is_active=True),
        is_announced=False,
    ),
}

OWNER_WAYS = {
    "owner in the admin": of_the_owner(
        owner_in_the_admin(is_active=False), undo=owner_in_the_admin(is_active=True)
    ),
    "owner save": of_the_owner(saved(owners, is_active=False), undo=saved(owners, is_active=True)),
    "owner update": of_the_owner(
        updated(owners, is_active=False), undo=updated(owners, is_active=True)
    ),
    "owner bulk_update": of_the_owner(
        bulk_updated(owners, is_active=False), undo=bulk_updated(owners, is_active=True)
    ),
    "owner delete": of_the_owner(lambda subject, _: owners(subject).get().delete()),
    "owners delete": of_the_owner(lambda subject, _: owners(subject).delete()),
    "owner lost": of_the_owner(lambda subject, _: rows(subject).update(owner=None)),
    "owner cleared": of_the_owner(
        lambda subject, _: owners(subject).get().token_exchange_credentials.clear()
    ),
    "owner another": of_the_owner(give_to_another_user, credential_ends=False),
}

WAYS = {**TOKEN_WAYS, **CREDENTIAL_WAYS, **ORGANIZATION_WAYS, **OWNER_WAYS}
