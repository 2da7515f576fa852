"""Which database is asked, when the answer decides about access?"""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models, router

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class WriterQuerySet(models.QuerySet[M_co]):
    """A query set that can insist on the writer."""

    def on_writer(self) -> Self:
        """Read where this model is written: a replica may not know of a revocation yet."""
        return self.using(router.db_for_write(self.model))
