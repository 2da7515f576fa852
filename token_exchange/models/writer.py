"""Base query set for rows that decide about access, which are read from the writer."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models, router

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class WriterQuerySet(models.QuerySet[M_co]):
    """A query set that can read from the writer."""

    def on_writer(self) -> Self:
        """Read from the database that this model is written to: a replica may lag behind."""
        return self.using(router.db_for_write(self.model))
