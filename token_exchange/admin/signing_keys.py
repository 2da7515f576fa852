"""Which keys sign, and how does an operator bring in the next one, or end one that leaked?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import RotateSigningKeyForm
from token_exchange.admin.base import DeskAdmin, ObjectPage
from token_exchange.admin.list_display import COUNT_LIMIT, badge
from token_exchange.conf import get_settings
from token_exchange.issuer import signing_keys
from token_exchange.issuer.signing_keys import CLOCK_SKEW, SigningKeyConflict
from token_exchange.models import AccessToken, SigningKey
from token_exchange.models.signing_key import KeyState


def remove_signing_key_page(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]
) -> HttpResponse:
    """Say what will stop and what will sign then, or remove the one key in ``rows``."""
    (key,) = rows
    if not model_admin.is_open_to("remove", key):
        return model_admin.refuse(request, _("There is nothing to remove: the key is gone."), key)
    if "confirmed" in request.POST:
        return _remove(model_admin, request, key)
    now = timezone.now()
    tokens = AccessToken.objects.live(now=now).filter(kid=key.kid).order_by().values("pk")
    # All the same how many more: nobody waits for a count while a key is out.
    count = tokens[: COUNT_LIMIT + 1].count()
    return model_admin.page(
        request,
        "remove_signing_key.html",
        title=_("Remove the signing key"),
        key=key,
        badge=model_admin.state_badge(key),
        state=str(key.state(now=now)),
        is_one_waiting=SigningKey.objects.published(now=now).filter(activates_at__gt=now).exists(),
        live_token_count=min(count, COUNT_LIMIT),
        has_more_tokens=count > COUNT_LIMIT,
        jwks_max_age_seconds=int(get_settings().jwks_max_age.total_seconds()),
        back_url=model_admin.url("change", key),
    )


def _remove(model_admin: DeskAdmin, request: HttpRequest, key: SigningKey) -> HttpResponse:
    try:
        with transaction.atomic(using=router.db_for_write(SigningKey)):
            heir = signing_keys.remove_signing_key(key.kid, act=act_of(request))
            # In English, as Django writes its own history whatever the operator's language is.
            model_admin.log_change(request, key, "Removed.")
    except SigningKeyConflict as error:  # someone else was faster
        return model_admin.refuse(request, str(error), key)
    return model_admin.go_back(
        request, _("The key has been removed. Key %(kid)s signs now.") % {"kid": heir.kid}, key
    )


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
    audit_target = "kid"
    list_display_links = ("kid",)
    fields = (*list_display, "public_jwk")
    readonly_fields = fields
    sortable_by = ()
    ordering = ("-sequence",)
    change_list_template = "token_exchange/admin/signing_keys.html"
    object_pages: ClassVar[Mapping[str, ObjectPage]] = {
        "remove": ObjectPage("remove", remove_signing_key_page, gettext_lazy("Remove")),
    }

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

    def is_open_to(self, verb: str, obj: Any) -> bool:
        """Tell whether the key can be removed: as long as anybody accepts its tokens."""
        state: KeyState = obj.state(now=timezone.now())
        return state != KeyState.GONE

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
        using = router.db_for_write(SigningKey)
        # In English, as Django writes its own history whatever the operator's language is.
        message: Any = "Replaced all keys." if all_new else [{"added": {}}]
        try:
            with transaction.atomic(using=using):
                key = signing_keys.rotate_signing_key(all_new=all_new, act=act_of(request))
                self.log_addition(request, key, message)
        except SigningKeyConflict as error:
            return self.refuse(request, str(error))
        return self.go_back(request, _("Key %(kid)s has been published.") % {"kid": key.kid})

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, key: SigningKey) -> SafeString:
        """Show the state."""
        return badge(key.state(now=timezone.now()))
