"""The search of change lists: conditions that an index serves, and the refusal of secrets.

A search is a GET request, so its terms end up in the URL, the browser history and the logs of
proxies. A secret is neither searched for nor shown again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.translation import gettext as _

from token_exchange.admin import pagination
from token_exchange.admin.filters import equals_as_range
from token_exchange.models import Credential, parents
from token_exchange_core.secret_strings import contains_secret

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


def credentials_matching(term: str) -> Q:
    """Match the identifier, the owner's username, or the beginning of the name in any case."""
    users = parents.users().filter(**{get_user_model().USERNAME_FIELD: term})
    # A query of its own, because no index serves an OR over two tables.
    owners = list(users.values_list("pk", flat=True)[:1])
    return Q(identifier=term) | name_starts_with(term) | Q(owner__in=owners)


def tokens_matching(term: str) -> Q:
    """Match the jti, or the identifier of the credential."""
    credential = Credential.objects.filter(identifier=term).values_list("pk", flat=True).first()
    return Q(jti=term) if credential is None else equals_as_range("credential", credential)


def organizations_matching(term: str) -> Q:
    """Match the slug, or the beginning of the name in any case."""
    return Q(slug=term) | name_starts_with(term)


def name_starts_with(term: str) -> Q:
    """Match the beginning of a name in any case, as far as the database folds case."""
    return Q(search_name__startswith=Lower(Value(term)))


class SearchableChangeList(ChangeList):
    """A change list that refuses to search for secrets, and loads only the rows that it shows."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return the matching rows; redirects to a URL without the term if it holds a secret."""
        if self.holds_secret():
            warning = _(
                "That looks like a secret, so we didn't search for it: searches end up in browser "
                "history and logs. Search by identifier (everything before the last dot), and "
                "rotate the key if others may have seen it."
            )
            self.model_admin.message_user(request, warning, messages.ERROR)
            raise IncorrectLookupParameters
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return found

    def holds_secret(self) -> bool:
        """Return whether the search term seems to contain a secret, or most of one."""
        return contains_secret(self.query)

    def get_results(self, request: HttpRequest) -> None:
        """Find the page's primary keys by an index, and then its rows by their keys.

        One query would join and count for all rows of the earlier pages as well, and because of
        the joins the database might read a whole table.
        """
        super().get_results(request)
        keys = self.result_list.values_list("pk", flat=True)[: self.list_max_show_all]
        self.result_list = self.queryset.filter(pk__in=list(keys))
        self.is_truncated = self.result_count >= pagination.COUNT_LIMIT


class SearchableAdmin(_ModelAdmin):
    """A model admin whose search takes the whole text as one term."""

    change_list_template = "token_exchange/admin/change_list.html"

    search_condition: Callable[[str], Q]
    """Returns the condition that a term stands for."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the change list that refuses to search for secrets."""
        return SearchableChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that match the term, and that there are no duplicates."""
        term = search_term.strip()
        if not term:
            return queryset, False
        # Autocomplete comes here without a check; PostgreSQL refuses NUL.
        if contains_secret(term) or "\0" in term:
            return queryset.none(), False
        return queryset.filter(self.search_condition(term)), False
