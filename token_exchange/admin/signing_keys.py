"""The admin of signing keys: list, rotate, and remove a leaked one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import RotateSigningKeyForm
from token_exchange.admin.badges import badge
from token_exchange.admin.base import ObjectAction, TokenExchangeAdmin
from token_exchange.admin.pagination import COUNT_LIMIT
from token_exchange.conf import get_settings
from token_exchange.database.retries import retried
from token_exchange.issuer import signing_keys
from token_exchange.issuer.signing_keys import CLOCK_SKEW, SigningKeyConflict
from token_exchange.models import AccessToken, SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange.views.durations import duration_in_words


def remove_signing_key_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[SigningKey]
) -> HttpResponse:
    """Ask for confirmation, or remove the one key in ``rows``."""
    (key,) = rows
    if not model_admin.is_applicable("remove", key):
        return model_admin.redirect_with_error(request, _("This key is already gone."), key)
    if "confirmed" in request.POST:
        return _remove(model_admin, request, key)
    now = timezone.now()
    tokens = AccessToken.objects.live(now=now).filter(kid=key.kid).order_by().values("pk")
    # The exact number does not matter: do not wait for a count while a leaked key is in use.
    count = tokens[: COUNT_LIMIT + 1].count()
    return model_admin.render(
        request,
        "remove_signing_key.html",
        title=_("Remove signing key"),
        key=key,
        badge=model_admin.state_badge(key),
        state=str(key.state(now=now)),
        has_next_key=SigningKey.objects.published(now=now).filter(activates_at__gt=now).exists(),
        live_token_count=min(count, COUNT_LIMIT),
        has_more_tokens=count > COUNT_LIMIT,
        jwks_max_age=duration_in_words(get_settings().jwks_max_age),
        back_url=model_admin.url("change", key),
    )


@retried
def _remove(model_admin: TokenExchangeAdmin, request: HttpRequest, key: SigningKey) -> HttpResponse:
    try:
        with transaction.atomic(using=router.db_for_write(SigningKey)):
            successor = signing_keys.remove_signing_key(key.kid, act=act_of(request))
            # In English, as Django stores its own history in any language.
            model_admin.log_change(request, key, "Removed.")
    except SigningKeyConflict as error:  # someone else was faster
        return model_admin.redirect_with_error(request, str(error), key)
    message = _("Key removed. Tokens are now signed with key %(kid)s.") % {"kid": successor.kid}
    return model_admin.redirect_with_message(request, message, key)


class SigningKeyAdmin(TokenExchangeAdmin):
    """Signing keys, without their private parts."""

    list_display = (
        "state_badge",
        "kid",
        "algorithm",
        "published_at",
        "activates_at",
        "retires_at",
        "removed_at",
    )
    audit_target = "kid"
    list_display_links = ("kid",)
    fields = (*list_display, "public_jwk")
    readonly_fields = fields
    sortable_by = ()
    ordering = ("-sequence",)
    change_list_template = "token_exchange/admin/signing_keys.html"
    object_actions: ClassVar[Mapping[str, ObjectAction]] = {
        "remove": ObjectAction("remove", remove_signing_key_view, gettext_lazy("Remove")),
    }

    def get_urls(self) -> list[URLPattern]:
        """Return the URL of the rotation, and then Django's."""
        view = self.admin_site.admin_view(self.rotate_view)
        return [path("rotate/", view, name=self.url_name("rotate")), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse, because rotation adds keys."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse, because a published key cannot change."""
        return False

    def is_applicable(self, permission: str, obj: SigningKey) -> bool:
        """Return whether the key can be removed, because verifiers still accept its tokens."""
        return obj.state(now=timezone.now()) != KeyState.GONE

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the button of the rotation for users with its permission."""
        rotate_url = self.url("rotate") if self.has_action_permission(request, "rotate") else None
        context = {"rotate_url": rotate_url, **(extra_context or {})}
        return super().changelist_view(request, context)

    def rotate_view(self, request: HttpRequest) -> HttpResponse:
        """Show what a rotation does, or rotate."""
        if not self.has_action_permission(request, "rotate"):
            raise PermissionDenied
        form = RotateSigningKeyForm(request.POST)
        if request.method == "POST" and form.is_valid():
            return self._rotate(request, all_new=form.cleaned_data["all_new"])
        return self.render(
            request,
            "rotate_signing_key.html",
            title=_("Rotate signing key"),
            form=RotateSigningKeyForm(),
            signs_from=timezone.now() + get_settings().jwks_max_age + CLOCK_SKEW,
            algorithm=get_settings().algorithm,
        )

    @retried
    def _rotate(self, request: HttpRequest, *, all_new: bool) -> HttpResponse:
        using = router.db_for_write(SigningKey)
        # In English, as Django stores its own history in any language.
        message: Any = "Replaced all keys." if all_new else [{"added": {}}]
        try:
            with transaction.atomic(using=using):
                key = signing_keys.rotate_signing_key(all_new=all_new, act=act_of(request))
                self.log_addition(request, key, message)
        except SigningKeyConflict as error:
            return self.redirect_with_error(request, str(error))
        return self.redirect_with_message(request, _("Key %(kid)s published.") % {"kid": key.kid})

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, key: SigningKey) -> SafeString:
        """Show the state."""
        return badge(key.state(now=timezone.now()))
