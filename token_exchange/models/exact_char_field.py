"""Text that differs if one letter's case differs, on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import models

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField

_COLLATIONS: Final = {"mysql": "utf8mb4_bin"}
"""By vendor; also of MariaDB. The others compare text exactly, and don't have this collation."""


class ExactCharField(_CharField):
    """A column for identifiers, digests and primary keys in text form.

    MariaDB and MySQL compare text without regard to case or accents by default, so that two
    identifiers would be one: in look-ups, in unique constraints and in GROUP BY. ``db_collation``
    would name the collation on every database.
    """

    def db_parameters(self, connection: Any) -> Any:
        """Return the column's parameters, with the collation that this database needs."""
        parameters = super().db_parameters(connection)
        collation = _COLLATIONS.get(connection.vendor, parameters["collation"])
        return {**parameters, "collation": collation}
