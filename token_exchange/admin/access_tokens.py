"""The admin of access tokens: list, show and revoke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from token_exchange.admin import columns
from token_exchange.admin.badges import badge
from token_exchange.admin.base import ObjectAction, TokenExchangeAdmin, bulk_action
from token_exchange.admin.filters import CredentialFilter, TokenStateFilter, token_ordering
from token_exchange.admin.revoke_page import revoke_tokens_view
from token_exchange.admin.search import SearchableAdmin, tokens_matching
from token_exchange.models import AccessToken, Credential
from token_exchange.models.access_token import TokenState


class AccessTokenAdmin(SearchableAdmin, TokenExchangeAdmin):
    """Issued tokens; their text is not stored."""

    organization_path = "credential__organization"
    list_display: Any = (
        "jti",
        "state_badge",
        "credential_link",
        "scope",
        columns.token_issued,
        columns.token_expiry,
    )
    audit_target = "jti"
    list_select_related = ("credential",)
    list_filter: ClassVar[Any] = (TokenStateFilter, CredentialFilter)
    search_fields = ("jti",)
    search_condition = staticmethod(tokens_matching)
    search_help_text = _("Search by full jti, or by the credential's full identifier")
    sortable_by = ()
    fields = (
        "jti",
        "state_badge",
        "credential_link",
        "generation",
        "scope",
        "audience",
        "kid",
        "issued_at",
        "expires_at",
        "revoked_at",
    )
    readonly_fields = fields
    actions = (bulk_action("revoke", _("Revoke selected %(verbose_name_plural)s")),)
    object_actions: ClassVar[Mapping[str, ObjectAction]] = {
        "revoke": ObjectAction("revoke", revoke_tokens_view, _("Revoke")),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the tokens, annotated with whether each is live."""
        live = AccessToken.objects.live(now=timezone.now()).filter(pk=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(is_live=Exists(live))
        return rows.defer("signing_input")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the ordering that an index serves under the current filters."""
        return token_ordering(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse, because only exchanges issue tokens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse, because a signed token cannot change."""
        return False

    def is_applicable(self, permission: str, obj: AccessToken) -> bool:
        """Return whether the token can be revoked, also while it is refused for another reason."""
        return obj.revoked_at is None and obj.expires_at > timezone.now()

    @admin.display(description=_("state"))
    def state_badge(self, access_token: Any) -> SafeString:
        """Show the state."""
        if access_token.is_live:
            return badge(TokenState.LIVE)
        if access_token.expires_at <= timezone.now():
            return badge(TokenState.EXPIRED)
        return badge(TokenState.REVOKED if access_token.revoked_at else TokenState.REFUSED)

    @admin.display(description=_("credential"))
    def credential_link(self, access_token: AccessToken) -> str:
        """Link to the credential's change form."""
        credential = access_token.credential
        is_api_key = credential.kind == Credential.Kind.API_KEY
        name = "token_exchange_apikey_change" if is_api_key else "token_exchange_clientapp_change"
        url = reverse(f"{self.admin_site.name}:{name}", args=(credential.pk,))
        return format_html('<a href="{}">{}</a>', url, credential)
