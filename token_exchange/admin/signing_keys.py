"""Which keys sign, and how does an operator bring in the next one?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange import signing
from token_exchange.admin.desk import DeskAdmin
from token_exchange.admin.forms import RotateSigningKeyForm
from token_exchange.admin.lists import badge
from token_exchange.conf import get_settings
from token_exchange.models import SigningKey
from token_exchange.signing import CLOCK_SKEW, SigningKeyConflict


class SigningKeyAdmin(DeskAdmin):
    """Signing keys, without their private halves."""

    list_display = (
        "state_badge",
        "kid",
        "algorithm",
        "published_at",
        "activates_at",
        "retires_at",
        "removed_at",
    )
    list_display_links = ("kid",)
    fields = (*list_display, "public_jwk")
    readonly_fields = fields
    sortable_by = ()
    ordering = ("-sequence",)
    change_list_template = "token_exchange/admin/signing_keys.html"

    def get_urls(self) -> list[Any]:
        """Return the stock pages', and before them the rotation's."""
        view = self.admin_site.admin_view(self.rotate_view)
        return [path("rotate/", view, name=self.url_name("rotate")), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a key comes in by rotation."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a key is what it was when it was published."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with the button for those who may press it."""
        rotate_url = self.url("rotate") if self.may(request, "rotate") else None
        context = {"rotate_url": rotate_url, **(extra_context or {})}
        return super().changelist_view(request, context)

    def rotate_view(self, request: HttpRequest) -> HttpResponse:
        """Say what a rotation will do, or rotate."""
        if not self.may(request, "rotate"):
            raise PermissionDenied
        form = RotateSigningKeyForm(request.POST)
        if request.method == "POST" and form.is_valid():
            return self._rotate(request, all_new=form.cleaned_data["all_new"])
        return self.page(
            request,
            "rotate_signing_key.html",
            title=_("Rotate the signing key"),
            form=RotateSigningKeyForm(),
            signs_from=timezone.now() + get_settings().jwks_max_age + CLOCK_SKEW,
            algorithm=get_settings().algorithm,
        )

    def _rotate(self, request: HttpRequest, *, all_new: bool) -> HttpResponse:
        now, using = timezone.now(), router.db_for_write(SigningKey)
        # In English, as Django writes its own history whatever the operator's language is.
        message: Any = "Replaced all keys." if all_new else [{"added": {}}]
        try:
            with transaction.atomic(using=using):
                key = signing.rotate_signing_key(now=now, by=request.user, all_new=all_new)
                self.log_addition(request, key, message)
        except SigningKeyConflict as error:
            return self.refuse(request, str(error))
        return self.go_back(request, _("Key %(kid)s has been published.") % {"kid": key.kid})

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, key: SigningKey) -> SafeString:
        """Show the state."""
        return badge(key.state(now=timezone.now()))
