"""Which tokens were issued, and how does an operator end one?"""

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
from token_exchange.admin.base import DeskAdmin, ObjectPage, bulk_action
from token_exchange.admin.filters import CredentialFilter, TokenStateFilter, order_of_tokens
from token_exchange.admin.list_display import LIVE, REFUSED, badge
from token_exchange.admin.revoke_page import revoke_tokens_page
from token_exchange.admin.search import SearchedAdmin, tokens_matching
from token_exchange.models import AccessToken, Credential
from token_exchange.models.credential_state import State


class AccessTokenAdmin(SearchedAdmin, DeskAdmin):
    """Tokens that were issued; the tokens themselves are not stored."""

    organization_path = "credential__organization"
    list_display: Any = (
        "jti",
        "state_badge",
        "credential_link",
        "scope",
        columns.issue,
        columns.token_expiry,
    )
    audit_target = "jti"
    list_select_related = ("credential",)
    list_filter: ClassVar[Any] = (TokenStateFilter, CredentialFilter)
    search_fields = ("jti",)
    matching = staticmethod(tokens_matching)
    search_help_text = _("Search by the full jti, or by the full identifier of the credential")
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
    object_pages: ClassVar[Mapping[str, ObjectPage]] = {
        "revoke": ObjectPage("revoke", revoke_tokens_page, _("Revoke")),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the tokens, each with whether it works."""
        live = AccessToken.objects.live(now=timezone.now()).filter(pk=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(is_live=Exists(live))
        return rows.defer("signing_input")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order that an index has for what is filtered by."""
        return order_of_tokens(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: only an exchange issues tokens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a token is what it was when it was signed."""
        return False

    def is_open_to(self, verb: str, obj: Any) -> bool:
        """Tell whether the token can be revoked; one that is refused for now may work again."""
        return obj.revoked_at is None and obj.expires_at > timezone.now()

    @admin.display(description=_("state"))
    def state_badge(self, access_token: Any) -> SafeString:
        """Show the state."""
        if access_token.is_live:
            return badge(LIVE)
        if access_token.expires_at <= timezone.now():
            return badge(State.EXPIRED)
        return badge(REFUSED if access_token.revoked_at is None else State.REVOKED)

    @admin.display(description=_("credential"))
    def credential_link(self, access_token: AccessToken) -> str:
        """Link to the credential, in the list of its kind."""
        credential = access_token.credential
        is_api_key = credential.kind == Credential.Kind.API_KEY
        name = "token_exchange_apikey_change" if is_api_key else "token_exchange_clientapp_change"
        url = reverse(f"{self.admin_site.name}:{name}", args=(credential.pk,))
        return format_html('<a href="{}">{}</a>', url, credential)
