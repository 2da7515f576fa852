"""Hourly counts: added up on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.db import connection

from token_exchange.models import Counted, HourlyCount
from token_exchange.models.hourly_count import addition

HOUR = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
class TestAdd:
    def test_inserts_and_adds(self):
        one, other = (Counted(HOUR, each, "1", "exchanged") for each in ("id", ""))
        HourlyCount.objects.add({one: 1})
        HourlyCount.objects.add({one: 2, other: 3})
        found = HourlyCount.objects.values_list("hour", "identifier", "outcome", "count")
        assert set(found) == {(HOUR, "id", "exchanged", 3), (HOUR, "", "exchanged", 3)}

    def test_tells_by_its_text_what_it_counts(self):
        HourlyCount.objects.add({Counted(HOUR, "id", "1", "exchanged"): 3})
        assert str(HourlyCount.objects.get()) == "2030-01-01 12h id exchanged: 3"

    def test_keeps_apart_what_only_looks_the_same(self):
        rows = [Counted(HOUR, each, "1", "exchanged") for each in ("id", "ID", "íd")]
        HourlyCount.objects.add(dict.fromkeys(rows, 1))
        assert HourlyCount.objects.count() == 3


class TestStatement:
    def test_of_mysql_and_mariadb(self):
        mysql = SimpleNamespace(vendor="mysql", ops=SimpleNamespace(quote_name="`{}`".format))
        assert addition(HourlyCount, 2, mysql) == (
            "INSERT INTO `token_exchange_hourlycount` "
            "(`hour`, `identifier`, `organization`, `outcome`, `count`) "
            "VALUES (%s, %s, %s, %s, %s), (%s, %s, %s, %s, %s) "
            "ON DUPLICATE KEY UPDATE "
            "`count` = `token_exchange_hourlycount`.`count` + VALUES(`count`)"
        )

    def test_of_the_others(self):
        assert addition(HourlyCount, 1, connection).endswith(
            'ON CONFLICT ("hour", "identifier", "organization", "outcome") DO UPDATE SET '
            '"count" = "token_exchange_hourlycount"."count" + EXCLUDED."count"'
        )
