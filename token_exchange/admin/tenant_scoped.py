"""How does each page of the admin keep to the rows that are in its user's reach?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from token_exchange.admin.tenant_access import is_limited, organizations_in_reach, within_reach
from token_exchange.models import get_organization_model

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class OfferedSelect(AutocompleteSelect):
    """A search whose form comes back with what may be chosen, and with nothing else.

    Django's looks up whatever was sent, so that an id which is no number breaks the page.
    """

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        """Return the choices of a form that is shown again."""
        return super().optgroups(name, list(filter(self._is_offered, value)), attr)

    def _is_offered(self, value: Any) -> bool:
        choices: Any = self.choices
        try:
            choices.field.to_python(value)
        except ValidationError:
            return False
        return True


class LimitedAdmin(_ModelAdmin):
    """The admin of a model whose rows belong to organizations, or to nobody.

    Django's own pages, the bulk actions and the autocomplete all begin with ``get_queryset``, so
    that a row out of reach is a row that does not exist.
    """

    organization_path: ClassVar[str | None] = None
    """The field that holds the organization's primary key; without one, limited users see none."""

    filter_parameters: ClassVar[tuple[str, ...]] = ()
    """What filters read from the URL beside the names in ``list_filter``."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows in the user's reach."""
        rows: QuerySet[Any] = super().get_queryset(request)
        if self.organization_path is None:
            return rows.none() if is_limited(request.user) else rows
        return within_reach(rows, request.user, path=self.organization_path)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Hide what belongs to no organization from those who are limited to theirs."""
        return not self._is_closed_to(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add to what is hidden."""
        return not self._is_closed_to(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change what is hidden."""
        return not self._is_closed_to(request) and super().has_change_permission(request, obj)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuse every lookup but those of the filters that a list shows.

        Django allows all fields of the model itself, and whoever may look could guess at a digest
        from the left: ``?secret_digest__startswith=a``.
        """
        filters = self.get_list_filter(request)
        fields = tuple(f"{name}__" for name in filters if isinstance(name, str))
        names = {getattr(each, "parameter_name", each) for each in filters}
        is_shown = lookup in {*names, *self.filter_parameters} or lookup.startswith(fields)
        return is_shown and super().lookup_allowed(lookup, value, request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse to act on what can be the id of no row, where Django would fail."""
        try:
            for each in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(each, None)
        except ValidationError as error:
            raise BadRequest("not an id") from error
        return super().changelist_view(request, extra_context)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer a limited user his organizations and himself, and tell nothing of any other.

        As a plain choice: a search finds, and a raw id names, whoever it is.
        """
        if is_limited(request.user):
            kwargs |= {"widget": forms.Select, "queryset": _choices(db_field, request.user)}
        elif db_field.name in self.get_autocomplete_fields(request):
            using = kwargs.get("using")
            kwargs["widget"] = OfferedSelect(db_field, self.admin_site, using=using)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _is_closed_to(self, request: HttpRequest) -> bool:
        return self.organization_path is None and is_limited(request.user)


def _choices(db_field: Any, user: Any) -> QuerySet[Any]:
    model = db_field.remote_field.model
    if model is get_organization_model():
        return organizations_in_reach(user)
    rows: QuerySet[Any] = model._default_manager.all()
    return rows.filter(pk=user.pk) if model is get_user_model() else rows.none()
