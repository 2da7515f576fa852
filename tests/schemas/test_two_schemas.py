"""Two schemas in one process: nothing that is remembered of one counts in the other."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import connection, connections

from tests.support.subprocesses import environment, run_python
from token_exchange.database.per_schema import MAX_SCHEMAS, PerSchema, SchemaChanged
from token_exchange.issuer import revocation_feed, signing_keys

NAME = "token_exchange_schemas"


@pytest.fixture
def database_url(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database."""
    with django_db_blocker.unblock(), connections["default"]._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
        server = connection.settings_dict
        address = f"{server['HOST']}:{server['PORT'] or 5432}"
        yield f"postgres://{server['USER']}:{server['PASSWORD']}@{address}/{NAME}"
        cursor.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.mark.postgresql
class TestDjangoTenants:
    def test_tenants_are_apart_in_one_process(self, database_url):
        project = environment(
            DJANGO_SETTINGS_MODULE="tests.schemas.settings", DATABASE_URL=database_url
        )
        finished = run_python("-m", "tests.schemas.exercise", env=project)
        assert finished.returncode == 0, finished.stderr
        assert json.loads(finished.stdout.splitlines()[-1]) == {
            "own": {"red": 403, "blue": 403},
            "foreign": {"red in blue": 401, "blue in red": 401, "key of red in blue": 401},
            "revoked in red": {"red": 401, "blue": 403},
            "inactive in blue": {"red": 401, "blue": 401},
            "counted in red": [[True, 1]],
            "counted in blue": [[True, 1]],
            "audited in red": 1,
            "audited in blue": 0,
        }


@pytest.mark.postgresql
@pytest.mark.django_db
class TestSchemaThatChangesUnderOneKey:
    def test_is_refused_from_then_on(self, elapsed, caplog):
        revocation_feed.revocations()
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA another")
            cursor.execute("SET LOCAL search_path TO another, public")
            elapsed.seconds += 2
            with pytest.raises(SchemaChanged):
                revocation_feed.revocations()
            cursor.execute("SET LOCAL search_path TO public")
        elapsed.seconds += 2
        for read in (revocation_feed.revocations, signing_keys.key_set):
            with pytest.raises(SchemaChanged):
                read()
        [logged] = [each for each in caplog.records if each.event == "schema.changed"]
        assert (logged.event_fields["expected"], logged.event_fields["found"]) == (
            "public",
            "another",
        )

    def test_is_another_key_if_the_project_names_it(self, elapsed, token_exchange_settings):
        token_exchange_settings(SCHEMA_NAME=f"{__name__}.current_schema")
        revocation_feed.revocations()
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA another")
            cursor.execute("SET LOCAL search_path TO another, public")
            elapsed.seconds += 2
            assert revocation_feed.revocations() is not None


def current_schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


class TestNumberOfSchemas:
    def test_is_limited(self, token_exchange_settings):
        """The one that was not used for longest goes first."""
        token_exchange_settings(SCHEMA_NAME=f"{__name__}.schema_name")
        made = PerSchema(object, using=lambda: "default")
        objects = []
        for _NAMES[0] in map(str, range(MAX_SCHEMAS)):
            objects.append(made.get())
        _NAMES[0] = "0"
        assert made.get() is objects[0]
        _NAMES[0] = "one more"
        made.get()
        _NAMES[0] = "0"
        assert made.get() is objects[0]
        _NAMES[0] = "1"
        assert made.get() is not objects[1]

    def test_is_one_for_each_database(self, token_exchange_settings):
        token_exchange_settings(SCHEMA_NAME=f"{__name__}.schema_name")
        names = iter(["default", "replica", "default"])
        made = PerSchema(object, using=lambda: next(names))
        first, second, third = made.get(), made.get(), made.get()
        assert first is third
        assert first is not second


_NAMES = [""]


def schema_name() -> str:
    return _NAMES[0]
