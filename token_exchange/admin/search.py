"""What does the search of a list find by an index, and what may nobody search for?

A search is a GET: what is searched for is in the address, the browser's history and the log of
every proxy on the way. So a secret is neither looked up nor shown again.
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

from token_exchange.admin import list_display
from token_exchange.admin.filters import only
from token_exchange.models import Credential
from token_exchange_core.secret_strings import contains_secret

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


def credentials_matching(term: str) -> Q:
    """Match the identifier, the owner's username, or the beginning of the name in any case."""
    users = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: term})
    # Asked beforehand: an OR over two tables has no index.
    owners = list(users.values_list("pk", flat=True)[:1])
    return Q(identifier=term) | name_begins_with(term) | Q(owner__in=owners)


def tokens_matching(term: str) -> Q:
    """Match the jti, or the identifier of the credential."""
    credential = Credential.objects.filter(identifier=term).values_list("pk", flat=True).first()
    return Q(jti=term) if credential is None else only("credential", credential)


def organizations_matching(term: str) -> Q:
    """Match the slug, or the beginning of the name in any case."""
    return Q(slug=term) | name_begins_with(term)


def name_begins_with(term: str) -> Q:
    """Match the beginning of a name in any case, as far as the database knows cases."""
    return Q(search_name__startswith=Lower(Value(term)))


class SearchedList(ChangeList):
    """A list that does not search for secrets, and loads no row that it does not show."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return what was searched for; sends the browser to an address without the secret."""
        if self.holds_secret():
            warning = _(
                "That was a secret, or a part of one, and it was not searched for: what is "
                "searched for can be read in the history of the browser and in logs. Search by "
                "the identifier, which ends before the last dot, and rotate the secret if others "
                "can read these."
            )
            self.model_admin.message_user(request, warning, messages.ERROR)
            raise IncorrectLookupParameters
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return found

    def holds_secret(self) -> bool:
        """Tell whether a secret, or most of one, seems to be searched for."""
        return contains_secret(self.query)

    def get_results(self, request: HttpRequest) -> None:
        """Find the keys of the page by an index, and then its rows by their keys.

        In one query, what is joined and counted for each row would be so for all that the pages
        before have shown, and a join may tempt the database to read a whole table.
        """
        super().get_results(request)
        keys = self.result_list.values_list("pk", flat=True)[: self.list_max_show_all]
        self.result_list = self.queryset.filter(pk__in=list(keys))
        self.is_cut_short = self.result_count >= list_display.COUNT_LIMIT


class SearchedAdmin(_ModelAdmin):
    """The admin of a model whose lists take the whole text as one term."""

    change_list_template = "token_exchange/admin/change_list.html"

    matching: Callable[[str], Q]
    """Returns the condition of the rows that a term finds."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that does not search for secrets."""
        return SearchedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that the term finds, none of them twice."""
        term = search_term.strip()
        if not term:
            return queryset, False
        # An autocomplete's, which checks nothing; PostgreSQL cannot be asked for NUL.
        if contains_secret(term) or "\0" in term:
            return queryset.none(), False
        return queryset.filter(self.matching(term)), False
