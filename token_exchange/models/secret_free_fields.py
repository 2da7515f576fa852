"""Columns of text that people write, which never store a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from token_exchange.models.validators import no_control_characters, refuse_secrets

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
    _SlugField = models.SlugField[str, str]
else:
    _CharField = models.CharField
    _SlugField = models.SlugField


class _SecretFree:
    """Refuses secrets where every write passes: ``save``, ``update`` and the bulk operations."""

    name: str

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Return what the driver accepts. Raises ``ValidationError`` for a secret."""
        if not hasattr(value, "resolve_expression"):
            try:
                refuse_secrets(value)
            except ValidationError as error:
                raise ValidationError({self.name: error}) from None
        return super().get_db_prep_save(value, connection)  # type: ignore[misc] # the field's


class SecretFreeCharField(_SecretFree, _CharField):
    """A line of text, without control characters."""

    default_validators = [no_control_characters, refuse_secrets]  # noqa: RUF012 - Django's name


class SecretFreeSlugField(_SecretFree, _SlugField):
    """A slug."""

    default_validators = [*models.SlugField.default_validators, refuse_secrets]  # noqa: RUF012


class SecretFreeJSONField(_SecretFree, models.JSONField):
    """A JSON value, whose own validator calls ``refuse_secrets``."""
