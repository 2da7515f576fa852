"""Pagination of change lists, which counts rows up to a limit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNT_LIMIT: Final = 10_000
"""A change list counts no further, because counting millions of rows takes seconds."""


class BoundedPaginator(_Paginator):
    """Paginates the first ``COUNT_LIMIT`` rows; filters and search lead to the rest."""

    @cached_property
    def count(self) -> int:
        """The number of rows, ``COUNT_LIMIT`` at most."""
        rows: Any = self.object_list
        # Only the keys, because annotations would be computed for each row inside the limit. In
        # their own order, which uses the same index as the query for the rows.
        return int(rows.values("pk")[:COUNT_LIMIT].count())
