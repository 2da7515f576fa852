"""Rows of credentials and tokens, also as no code of ours would write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from tests.support import factories
from token_exchange.models import Credential

NOW = datetime(2026, 1, 1, tzinfo=UTC)


HOUR = timedelta(hours=1)


DAY = timedelta(days=1)


def make(**values) -> Credential:
    return factories.make_api_key(now=NOW, **values).credential


def stored(credential: Credential) -> Credential:
    return Credential.objects.get(pk=credential.pk)


def make_token(credential, **values):
    """Write the row of a token of ``NOW`` for an hour."""
    times = {"issued_at": NOW, "expires_at": NOW + HOUR}
    return factories.make_token(credential, **{"jti": "jti", **times, **values})


def raw_row(model, instance, **changes):
    """Write a row as it stands, with no code of ours in between."""
    values = {
        field.column: field.get_db_prep_save(
            changes.get(field.attname, getattr(instance, field.attname)), connection
        )
        for field in model._meta.concrete_fields
        if not field.primary_key and not field.generated
    }
    columns = ", ".join(f'"{column}"' for column in values)
    marks = ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})',
            list(values.values()),
        )
