"""What do all our pages in the admin have in common?"""

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

from token_exchange.admin.list_display import BoundedPaginator
from token_exchange.admin.tenant_scoped import LimitedAdmin
from token_exchange.models import AuditEvent

BULK_LIMIT: Final = 100
"""How many rows an action takes at once; the answer lists each of them."""

_SELECTED: Final = "_selected"


def everybody(_user: Any, _obj: Any) -> bool:
    """Leave it to the permission alone."""
    return True


class ObjectPage(NamedTuple):
    """A page of one object, at its own URL and with its own permission.

    A bulk action is the same page, for more rows; see ``bulk_action``.
    """

    permission: str
    page: Callable[[DeskAdmin, HttpRequest, list[Any]], HttpResponse]
    label: Any = ""
    """Of the button on the object; without one there is none."""

    permits: Callable[[Any, Any], bool] = everybody
    """Tells whether the user, who has the permission, may use the page for this object."""

    is_danger: bool = False
    """Whether the button warns."""


def trail_url(site: AdminSite, request: HttpRequest, target: str | None) -> str | None:
    """Return where the events of a target are listed, for those who may see them."""
    if target is None or not site.is_registered(AuditEvent):
        return None
    if not site.get_model_admin(AuditEvent).has_view_permission(request):
        return None
    url = reverse(f"{site.name}:token_exchange_auditevent_changelist")
    return f"{url}?{urlencode({'q': target})}"


def bulk_action(name: str, description: Any) -> Callable[..., HttpResponse | None]:
    """Return the action that shows the object page ``name`` for all selected rows."""

    @admin.action(description=description)
    def act(
        model_admin: DeskAdmin, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        return model_admin.selected(request, queryset, name)

    act.__name__ = f"{name}{_SELECTED}"
    return act


class DeskAdmin(LimitedAdmin):
    """The admin of a model whose rows change by verbs and are never deleted."""

    change_form_template = "token_exchange/admin/change_form.html"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_max_show_all = BULK_LIMIT
    ordering = ("-pk",)
    object_pages: ClassVar[Mapping[str, ObjectPage]] = {}

    class Media:
        css: ClassVar[Any] = {"all": ["token_exchange/admin/admin.css"]}
        js = ("token_exchange/admin/admin.js",)

    audit_target: ClassVar[str] = ""
    """The field by which audit events name an object of this model."""

    state_badge: Callable[[Any], SafeString]
    """The column of the state."""

    is_open_to: Callable[[str, Any], bool]
    """Tells whether the permission's verb has anything left to do to the object."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what was once valid stays on record."""
        return False

    def may(self, request: HttpRequest, permission: str) -> bool:
        """Tell whether the user holds the model's own ``permission``, and may look at its rows."""
        codename = get_permission_codename(permission, self.opts)
        return self.has_view_permission(request) and request.user.has_perm(
            f"{self.opts.app_label}.{codename}"
        )

    def get_urls(self) -> list[Any]:
        """Return the stock pages', and before them one for each of ``object_pages``."""
        return [*map(self._object_url, self.object_pages), *super().get_urls()]

    def url_name(self, name: str) -> str:
        """Return the name under which the page is reversed, without the site's."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def url(self, name: str, obj: Model | None = None) -> str:
        """Return the path of a page, an object's if there is one."""
        args = () if obj is None else (quote(obj.pk),)
        return reverse(f"{self.admin_site.name}:{self.url_name(name)}", args=args)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the actions that the user may take: those of whose page he has the permission."""
        # Django asks for a location since 6.1, and before that knows none.
        where = {} if action_location is None else {"action_location": action_location}
        found = super().get_actions(request, **where)
        return {name: each for name, each in found.items() if self._may_take(request, name)}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse an action that the user may not take, which Django would only ignore."""
        if not all(self._may_take(request, name) for name in request.POST.getlist("action")):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Put the buttons of the object on its page, and not the one for another at once."""
        context["show_save_and_add_another"] = False
        obj = kwargs.get("obj")
        if obj is not None:
            context["buttons"] = [
                (self.url(name, obj), each.label, each.is_danger)
                for name, each in self.object_pages.items()
                if each.label
                and self.may(request, each.permission)
                and self.is_open_to(each.permission, obj)
                and each.permits(request.user, obj)
            ]
            target = getattr(obj, self.audit_target, None)
            context["audit_trail_url"] = trail_url(self.admin_site, request, target)
        return super().render_change_form(request, context, *args, **kwargs)

    def page(
        self, request: HttpRequest, template: str, *, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """Answer with a page of ours; nobody may keep it."""
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
        response.headers["Cache-Control"] = "no-store"
        return response

    def selected(
        self, request: HttpRequest, queryset: QuerySet[Any], name: str
    ) -> HttpResponse | None:
        """Answer a bulk action with the page of its rows, in the order in which they were made."""
        rows = list(queryset.order_by("pk")[: BULK_LIMIT + 1])
        if len(rows) > BULK_LIMIT:
            reason = _("Select no more than %(limit)d rows at once.") % {"limit": BULK_LIMIT}
            return self.refuse(request, reason)
        page = self.object_pages[name]
        if refused := [str(row) for row in rows if not page.permits(request.user, row)]:
            reason = _("You have no permission to do this to: %(rows)s. Nothing was done.")
            return self.refuse(request, reason % {"rows": ", ".join(refused)})
        return page.page(self, request, rows)

    def refuse(
        self, request: HttpRequest, reason: str, obj: Model | None = None
    ) -> HttpResponseRedirect:
        """Say why nothing was done, where the user came from."""
        return self.go_back(request, reason, obj, level=messages.ERROR)

    def go_back(
        self,
        request: HttpRequest,
        message: str,
        obj: Model | None = None,
        *,
        level: int = messages.SUCCESS,
    ) -> HttpResponseRedirect:
        """Return to the object or the list with a message, which must not hold a secret."""
        self.message_user(request, message, level)
        url = self.url("changelist") if obj is None else self.url("change", obj)
        return HttpResponseRedirect(url)

    def _may_take(self, request: HttpRequest, action: str) -> bool:
        page = self.object_pages.get(action.removesuffix(_SELECTED))
        return page is None or self.may(request, page.permission)

    def _object_url(self, name: str) -> URLPattern:
        view = self.admin_site.admin_view(partial(self._object_view, name))
        return path(f"<path:object_id>/{name}/", view, name=self.url_name(name))

    def _object_view(self, name: str, request: HttpRequest, object_id: str) -> HttpResponse:
        page = self.object_pages[name]
        if not self.may(request, page.permission):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404(_("There is no such row."))
        if not page.permits(request.user, obj):
            raise PermissionDenied
        return page.page(self, request, [obj])
