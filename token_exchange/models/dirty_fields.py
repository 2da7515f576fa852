"""What of a row was edited since it was read?"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from functools import partial
from typing import Any, ClassVar

from django.db import models, transaction


class EditedModel(models.Model):
    """A row that remembers what it was read as."""

    EDITABLE_FIELDS: ClassVar[tuple[str, ...]]

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **options: Any) -> Any:
        """Load a row, and remember what was read."""
        instance = super().from_db(db, field_names, values, **options)
        instance._remember(cls.EDITABLE_FIELDS)  # noqa: SLF001 - of this class
        return instance

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._as_read: dict[str, Any] = {}

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        """Read the row anew, and remember what was read."""
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self._remember(self.EDITABLE_FIELDS if fields is None else fields)

    def _remember(self, names: Iterable[str]) -> None:
        self._as_read.update(self._values(names))

    def _remember_written(self, names: Iterable[str]) -> None:
        # Not before the commit: what is rolled back must be written by the next save.
        transaction.on_commit(
            partial(self._as_read.update, self._values(names)), using=self._state.db
        )

    def _values(self, names: Iterable[str]) -> dict[str, Any]:
        loaded = self.__dict__
        return {name: deepcopy(loaded[name]) for name in names if name in loaded}

    def edits(self) -> dict[str, tuple[Any, Any]]:
        """Return what ``save`` would write of a stored credential: before and after, by field."""
        return {name: (self._as_read.get(name), self.__dict__[name]) for name in self._edited()}

    def _edited(self) -> list[str]:
        missing = object()
        return [
            name
            for name in self.EDITABLE_FIELDS
            if name in self.__dict__ and self.__dict__[name] != self._as_read.get(name, missing)
        ]
