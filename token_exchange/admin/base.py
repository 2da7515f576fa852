"""The base of the app's model admins: object actions, their permissions and bulk actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from token_exchange.admin.busy_page import busy_page
from token_exchange.admin.pagination import BoundedPaginator
from token_exchange.admin.tenant_scoped import TenantScopedAdmin
from token_exchange.caching import forbid_caching
from token_exchange.models import AuditEvent

BULK_LIMIT: Final = 100
"""The number of rows that an action accepts, because the answer lists each of them."""

_BULK_SUFFIX: Final = "_selected"


def _always_permitted(_user: Any, _obj: Any) -> bool:
    return True


class ObjectAction(NamedTuple):
    """An action on one object, with a page, a URL and a permission of its own.

    The same view serves the bulk action on several objects; see ``bulk_action``.
    """

    permission: str
    view: Callable[[Any, HttpRequest, list[Any]], HttpResponse]
    """Takes the model admin, the request and the objects."""

    label: Any = ""
    """The button on the change form; empty for no button."""

    is_permitted: Callable[[Any, Any], bool] = _always_permitted
    """Returns whether a user who has the permission may do this to the object."""

    is_destructive: bool = False
    """Whether the button warns."""


def audit_trail_url(site: AdminSite, request: HttpRequest, target: str | None) -> str | None:
    """Return the URL of the target's audit events, or ``None`` if the user may not see them."""
    if target is None or not site.is_registered(AuditEvent):
        return None
    if not site.get_model_admin(AuditEvent).has_view_permission(request):
        return None
    url = reverse(f"{site.name}:token_exchange_auditevent_changelist")
    return f"{url}?{urlencode({'q': target})}"


def bulk_action(name: str, description: Any) -> Callable[..., HttpResponse | None]:
    """Return an admin action that runs the object action ``name`` on the selected rows."""

    @admin.action(description=description)
    def act(
        model_admin: TokenExchangeAdmin, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        return model_admin.run_bulk_action(request, queryset, name)

    act.__name__ = f"{name}{_BULK_SUFFIX}"
    return act


class TokenExchangeAdmin(TenantScopedAdmin):
    """The admin of a model whose rows change by actions and are never deleted."""

    change_form_template = "token_exchange/admin/change_form.html"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_max_show_all = BULK_LIMIT
    ordering = ("-pk",)
    object_actions: ClassVar[Mapping[str, ObjectAction]] = {}

    class Media:
        css: ClassVar[Any] = {"all": ["token_exchange/admin/admin.css"]}
        js = ("token_exchange/admin/admin.js",)

    audit_target: ClassVar[str] = ""
    """The field by which audit events name an object of this model."""

    state_badge: Callable[[Any], SafeString]
    """The column of the state."""

    is_applicable: Callable[[str, Any], bool]
    """Returns whether the action of this permission can still change the object."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse, because rows are kept after they expire or are revoked."""
        return False

    def has_action_permission(self, request: HttpRequest, permission: str) -> bool:
        """Return whether the user has this permission of the model, and may view its rows."""
        codename = get_permission_codename(permission, self.opts)
        return self.has_view_permission(request) and request.user.has_perm(
            f"{self.opts.app_label}.{codename}"
        )

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the object actions, and then Django's."""
        return [*map(self._object_action_url, self.object_actions), *super().get_urls()]

    def url_name(self, name: str) -> str:
        """Return the URL name of a page, without the site's namespace."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def url(self, name: str, obj: Model | None = None) -> str:
        """Return the path of a page, for an object if there is one."""
        args = () if obj is None else (quote(obj.pk),)
        return reverse(f"{self.admin_site.name}:{self.url_name(name)}", args=args)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the actions that the user has the permission for."""
        # Django passes a location since 6.1.
        location = {} if action_location is None else {"action_location": action_location}
        found = super().get_actions(request, **location)
        return {name: each for name, each in found.items() if self._may_run(request, name)}

    @busy_page
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return Django's page to add or change an object."""
        return super().changeform_view(request, object_id, form_url, extra_context)

    @busy_page
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer 403 to an action without permission, which Django would silently ignore."""
        if not all(self._may_run(request, name) for name in request.POST.getlist("action")):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the buttons of the object actions, and drop "Save and add another"."""
        context["show_save_and_add_another"] = False
        obj = kwargs.get("obj")
        if obj is not None:
            context["buttons"] = [
                (self.url(name, obj), action.label, action.is_destructive)
                for name, action in self.object_actions.items()
                if action.label
                and self.has_action_permission(request, action.permission)
                and self.is_applicable(action.permission, obj)
                and action.is_permitted(request.user, obj)
            ]
            target = getattr(obj, self.audit_target, None)
            context["audit_trail_url"] = audit_trail_url(self.admin_site, request, target)
        return super().render_change_form(request, context, *args, **kwargs)

    def render(
        self, request: HttpRequest, template: str, *, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """Return a response from one of the app's own templates, which no cache may store."""
        request.current_app = self.admin_site.name
        response = TemplateResponse(
            request,
            f"token_exchange/admin/{template}",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
                "list_url": self.url("changelist"),
                **context,
            },
            status=status,
        )
        forbid_caching(response)
        return response

    def run_bulk_action(
        self, request: HttpRequest, queryset: QuerySet[Any], name: str
    ) -> HttpResponse:
        """Run an object action on the selected rows, the oldest first."""
        rows = list(queryset.order_by("pk")[: BULK_LIMIT + 1])
        if len(rows) > BULK_LIMIT:
            message = _("Select at most %(limit)d rows.") % {"limit": BULK_LIMIT}
            return self.redirect_with_error(request, message)
        action = self.object_actions[name]
        if refused := [str(row) for row in rows if not action.is_permitted(request.user, row)]:
            message = _("You don't have permission to do this to: %(rows)s. Nothing was changed.")
            return self.redirect_with_error(request, message % {"rows": ", ".join(refused)})
        return action.view(self, request, rows)

    def redirect_with_error(
        self, request: HttpRequest, message: str, obj: Model | None = None
    ) -> HttpResponseRedirect:
        """Redirect to the object or the change list with an error message."""
        return self.redirect_with_message(request, message, obj, level=messages.ERROR)

    def redirect_with_message(
        self,
        request: HttpRequest,
        message: str,
        obj: Model | None = None,
        *,
        level: int = messages.SUCCESS,
    ) -> HttpResponseRedirect:
        """Redirect to the object or the change list; the message must not contain a secret."""
        self.message_user(request, message, level)
        url = self.url("changelist") if obj is None else self.url("change", obj)
        return HttpResponseRedirect(url)

    def _may_run(self, request: HttpRequest, admin_action: str) -> bool:
        action = self.object_actions.get(admin_action.removesuffix(_BULK_SUFFIX))
        return action is None or self.has_action_permission(request, action.permission)

    def _object_action_url(self, name: str) -> URLPattern:
        view = self.admin_site.admin_view(partial(self._object_action_view, name))
        return path(f"<path:object_id>/{name}/", view, name=self.url_name(name))

    @busy_page
    def _object_action_view(self, name: str, request: HttpRequest, object_id: str) -> HttpResponse:
        action = self.object_actions[name]
        if not self.has_action_permission(request, action.permission):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404(_("No such object."))
        if not action.is_permitted(request.user, obj):
            raise PermissionDenied
        return action.view(self, request, [obj])
