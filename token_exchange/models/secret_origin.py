"""Which credential's token created or rotated a credential, for each of its secrets.

Anyone who had that token may have kept the new secret. So when the first credential is revoked or
its secret leaks, the secrets that its tokens obtained have to stop working as well, and what was
obtained with those, and so on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, ClassVar, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from token_exchange.models.credential import Credential
from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.writer import WriterQuerySet


class SecretVersion(NamedTuple):
    """One of the secrets that a credential has had."""

    identifier: str
    number: int

    @classmethod
    def current(cls, credential: Credential) -> SecretVersion:
        """Return the credential's current secret."""
        return cls(credential.identifier, credential.secret_version)


class SecretOriginQuerySet(WriterQuerySet["SecretOrigin"]):
    """Origins of secrets."""

    def record(self, secret: SecretVersion, *, made_with: SecretVersion) -> None:
        """Record that ``secret`` was obtained with a token of the secret ``made_with``."""
        parent = self.filter(identifier=made_with.identifier, secret_version=made_with.number)
        root = parent.values_list("root", flat=True).first()
        self.create(
            identifier=secret.identifier,
            secret_version=secret.number,
            made_with=made_with.identifier,
            made_with_version=made_with.number,
            root=root or made_with.identifier,
        )

    def obtained_with(self, identifiers: Collection[str]) -> set[SecretVersion]:
        """Return the secrets that were obtained with these credentials, also through others.

        Two queries, however many credentials there are in between.
        """
        roots = self.filter(identifier__in=identifiers).values_list("root", flat=True)
        edges = self.filter(root__in={*identifiers, *roots}).values_list(
            "identifier", "secret_version", "made_with", "made_with_version"
        )
        children: dict[SecretVersion, list[SecretVersion]] = defaultdict(list)
        for identifier, version, made_with, made_with_version in edges:
            children[SecretVersion(made_with, made_with_version)].append(
                SecretVersion(identifier, version)
            )
        found: set[SecretVersion] = set()
        pending = [parent for parent in children if parent.identifier in identifiers]
        while pending:
            new = [each for each in children.get(pending.pop(), ()) if each not in found]
            found.update(new)
            pending += new
        return found


class SecretOrigin(models.Model):
    """The origin of one secret. A secret that no token obtained has no row.

    Plain values, which stay when a credential in between is deleted. Rows are kept when a secret
    is replaced, because the chains that lead through it go on.
    """

    identifier = ExactCharField(max_length=64, editable=False)
    secret_version = models.PositiveIntegerField(editable=False)
    made_with = ExactCharField(max_length=64, editable=False)
    made_with_version = models.PositiveIntegerField(editable=False)
    # The first credential of the chain, by which one query finds all of it.
    root = ExactCharField(max_length=64, db_index=True, editable=False)

    objects = SecretOriginQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("origin of a secret")
        verbose_name_plural = _("origins of secrets")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["identifier", "secret_version"], name="token_exchange_secret_origin"
            )
        ]

    def __str__(self) -> str:
        return f"{self.identifier} ({self.secret_version}) by {self.made_with}"
