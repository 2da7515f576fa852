"""The statements for MariaDB and MySQL, which the other tests don't run on."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import connections

from token_exchange.database.clock import DatabaseNow
from token_exchange.database.lock_timeouts import limited_lock_waits
from token_exchange.models import RevocationFeed

pytestmark = pytest.mark.django_db

# Django gives the cursors of SQLite's driver an argument, by which they are told apart.
needs_arguments = pytest.mark.skipif(
    connections["default"].vendor != "sqlite", reason="the driver's connection is replaced"
)


def test_time_is_read_in_utc():
    connection = connections["default"]
    compiler = RevocationFeed.objects.all().query.get_compiler(connection=connection)
    sql, parameters = DatabaseNow().as_mysql(compiler, connection)
    assert (sql, list(parameters)) == ("UTC_TIMESTAMP(6)", [])


class MariaDB:
    """A connection of the driver that keeps the limits which are set."""

    def __init__(self, driver_connection):
        self._driver_connection = driver_connection
        self.limits: list[int] = []

    def __getattr__(self, name):
        return getattr(self._driver_connection, name)

    def cursor(self, *args, **options):
        """Return a cursor of ours where Django is bypassed, which calls this without arguments."""
        if args or options:
            return self._driver_connection.cursor(*args, **options)
        return nullcontext(self)

    def execute(self, sql, params):
        assert sql == "SET SESSION innodb_lock_wait_timeout = %s"
        self.limits += params

    def answer(self, execute, sql, params, many, context):
        """Answer what Django asks for, as an execute wrapper."""
        if params:
            self.execute(sql, params)
        return execute("SELECT 50", None, many, context)


@pytest.fixture
def mariadb(monkeypatch):
    connection = connections["default"]
    connection.ensure_connection()
    mariadb = MariaDB(connection.connection)
    monkeypatch.setattr(connection, "connection", mariadb)
    monkeypatch.setattr(connection, "vendor", "mysql")
    with connection.execute_wrapper(mariadb.answer):
        yield mariadb


@needs_arguments
def test_limit_is_in_whole_seconds_and_the_former_one_comes_back(mariadb):
    with limited_lock_waits(using="default") as limit:
        limit(3)
        limit(0.5)
    assert mariadb.limits == [3, 1, 50]


@needs_arguments
def test_former_limit_comes_back_after_an_error(mariadb):
    def fail():
        with limited_lock_waits(using="default") as limit:
            limit(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert mariadb.limits == [3, 50]
