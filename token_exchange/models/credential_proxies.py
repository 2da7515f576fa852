"""Proxies of the credential, one for each kind, with permissions of their own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from token_exchange.models.credential import Credential
from token_exchange.models.credential_queryset import CredentialManager, CredentialQuerySet


class _KindManager(CredentialManager["Credential"]):
    """Only the credentials of one proxy's kind."""

    def get_queryset(self) -> CredentialQuerySet[Credential]:
        return CredentialQuerySet(self.model, using=self._db).filter(kind=self.model.KIND)


class APIKey(Credential):
    """A credential that is sent as one string, by the scheme ``ApiKey``."""

    KIND = Credential.Kind.API_KEY

    objects: ClassVar[_KindManager] = _KindManager()

    class Meta:
        proxy = True
        default_permissions = ("add", "change", "view")
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("rotate_apikey", _("Can rotate API key")),
            ("revoke_apikey", _("Can revoke API key")),
            ("impersonate_apikey", _("Can issue, rotate and widen API keys that act as others")),
        ]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")


class ClientApp(Credential):
    """A credential of two parts, ``client_id`` and ``client_secret``, sent by HTTP Basic."""

    KIND = Credential.Kind.CLIENT_APP

    objects: ClassVar[_KindManager] = _KindManager()

    class Meta:
        proxy = True
        default_permissions = ("add", "change", "view")
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("rotate_clientapp", _("Can rotate client app")),
            ("revoke_clientapp", _("Can revoke client app")),
        ]
        verbose_name = _("client app")
        verbose_name_plural = _("client apps")
