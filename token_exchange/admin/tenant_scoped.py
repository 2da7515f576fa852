"""The model admin that limits every page to the organizations of its user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest, HttpResponse

from token_exchange.admin.tenant_access import (
    is_limited,
    permitted_organizations,
    restrict_to_tenants,
)
from token_exchange.models import get_organization_model, parents

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class ValidatedAutocompleteSelect(AutocompleteSelect):
    """An autocomplete widget that re-renders a submitted form with valid choices only.

    Django's looks up any submitted value, and fails for an id that is not a number.
    """

    def optgroups(
        self, name: str, value: Sequence[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        """Return the choices of a form that is shown again."""
        return super().optgroups(name, list(filter(self._is_valid, value)), attrs)

    def _is_valid(self, value: str) -> bool:
        choices: Any = self.choices
        try:
            choices.field.to_python(value)
        except ValidationError:
            return False
        return True


class TenantScopedAdmin(_ModelAdmin):
    """The admin of a model whose rows belong to an organization, or to none.

    Django's own pages, bulk actions and autocomplete all start from ``get_queryset``, so rows of
    other organizations don't exist for a limited user.
    """

    organization_path: ClassVar[str | None] = None
    """The lookup of the organization's primary key; without it, limited users see no rows."""

    filter_parameters: ClassVar[tuple[str, ...]] = ()
    """The URL parameters that filters read in addition to the names in ``list_filter``."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that the user may see."""
        rows: QuerySet[Any] = super().get_queryset(request)
        if self.organization_path is None:
            return rows.none() if is_limited(request.user) else rows
        return restrict_to_tenants(rows, request.user, path=self.organization_path)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Hide models without an organization from limited users."""
        return not self._is_hidden_from(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add rows to a hidden model."""
        return not self._is_hidden_from(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change rows of a hidden model."""
        return not self._is_hidden_from(request) and super().has_change_permission(request, obj)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow only the lookups of the filters that a change list shows.

        Django allows every field of the model itself, so a user could guess a digest character by
        character: ``?secret_digest__startswith=a``.
        """
        filters = self.get_list_filter(request)
        fields = tuple(f"{name}__" for name in filters if isinstance(name, str))
        names = {getattr(each, "parameter_name", each) for each in filters}
        is_shown = lookup in {*names, *self.filter_parameters} or lookup.startswith(fields)
        return is_shown and super().lookup_allowed(lookup, value, request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer 400 to actions on ids that no row can have, for which Django would fail."""
        try:
            for each in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(each, None)
        except ValidationError as error:
            raise BadRequest("not an id") from error
        return super().changelist_view(request, extra_context)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer limited users only their organizations and themselves, as a plain select.

        An autocomplete finds other rows, and a raw id field shows their names.
        """
        model: type[Model] = db_field.remote_field.model
        if is_limited(request.user):
            kwargs |= {"widget": forms.Select, "queryset": _choices(model, request.user)}
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        if model in {get_user_model(), get_organization_model()}:
            kwargs["queryset"] = _shown(model)
        if db_field.name in self.get_autocomplete_fields(request):
            using = kwargs.get("using")
            kwargs["widget"] = ValidatedAutocompleteSelect(db_field, self.admin_site, using=using)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _is_hidden_from(self, request: HttpRequest) -> bool:
        return self.organization_path is None and is_limited(request.user)


def _shown(model: type[Model]) -> QuerySet[Any]:
    return parents.users() if model is get_user_model() else parents.organizations()


def _choices(model: type[Model], user: Any) -> QuerySet[Any]:
    if model is get_organization_model():
        return permitted_organizations(user)
    if model is get_user_model():
        return parents.users().filter(pk=user.pk)
    return model._default_manager.none()
