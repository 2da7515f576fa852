"""Compiled queries: same results as a query set, composed once."""

from __future__ import annotations

import gc
import itertools
import weakref
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from tests.support.threads import in_threads
from token_exchange.database.compiled_queries import ComposedSelect, Insert, Parameter, Select
from token_exchange.models import Credential, Organization

NAMES = (
    *("pk", "name", "kind", "scopes", "metadata", "token_lifetime", "expires_at", "generation"),
    *("organization__is_active", "organization__max_token_lifetime", "owner__username", "owner_id"),
)
NUMBERS = itertools.count(1)
TEXTS = map(str, itertools.count(1))
NOW = datetime(2030, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def composed(monkeypatch):
    """How often a query was compiled."""
    compilers = []
    get_compiler = type(Credential.objects.all().query).get_compiler

    def count(query, *args, **options):
        compilers.append(query)
        return get_compiler(query, *args, **options)

    monkeypatch.setattr(type(Credential.objects.all().query), "get_compiler", count)
    return compilers


def by_identifier() -> Parameter:
    return Parameter("identifier", Credential._meta.get_field("identifier"))


def select(*names: str) -> Select:
    return Select(Credential.objects.filter(identifier=by_identifier()).values_list(*names))


@pytest.mark.django_db
class TestSelect:
    @pytest.mark.parametrize(
        "values",
        [
            {},
            {
                "scopes": ["a", "b"],
                "token_lifetime": timedelta(hours=1, seconds=5),
                "expires_at": NOW + timedelta(days=1),
                "metadata": {"%": "100 %s", "é": [1, None]},
            },
        ],
    )
    def test_makes_the_values_that_the_query_set_makes(self, values):
        organization = make_organization(max_token_lifetime=timedelta(hours=2), is_active=False)
        credential = make_api_key(
            organization=organization, owner=make_user(), now=NOW, **values
        ).credential
        expected = Credential.objects.values_list(*NAMES).get(pk=credential.pk)
        found = select(*NAMES).first(using="default", identifier=credential.identifier)
        assert tuple(found) == expected

    def test_makes_nothing_of_null(self):
        credential = make_client_app().credential
        names = ("owner__is_active", "owner__last_login", "token_lifetime", "expires_at")
        found = select(*names).first(using="default", identifier=credential.identifier)
        assert found == [None, None, None, None]

    def test_takes_other_values_each_time(self):
        one, other = make_api_key().credential, make_api_key().credential
        statement = select("pk")
        for each in (one, other, one):
            assert statement.first(using="default", identifier=each.identifier) == [each.pk]

    def test_finds_none(self):
        assert select("pk").first(using="default", identifier="nobody") is None

    def test_takes_times(self):
        credential = make_api_key(expires_at=NOW, now=NOW - timedelta(days=1)).credential
        until = Parameter("until", Credential._meta.get_field("expires_at"))
        statement = Select(Credential.objects.filter(expires_at__gt=until).values_list("pk"))
        before = NOW - timedelta(microseconds=1)
        assert statement.first(using="default", until=before) == [credential.pk]
        assert statement.first(using="default", until=NOW) is None

    def test_one_value_may_stand_in_two_places(self):
        credential = make_api_key().credential
        rows = Credential.objects.filter(identifier=by_identifier(), name__lt=by_identifier())
        statement = Select(rows.values_list("pk"))
        expected = [credential.pk] if credential.name < credential.identifier else None
        assert statement.first(using="default", identifier=credential.identifier) == expected

    def test_keeps_what_the_query_set_says(self):
        credential = make_api_key().credential
        rows = Credential.objects.filter(kind="api_key", identifier=by_identifier())
        rows = rows.annotate(constant=Value("50 %"), sql=RawSQL("'100 %%s'", ()))
        found = Select(rows.values_list("constant", "sql", "kind")).first(
            using="default", identifier=credential.identifier
        )
        assert found == ["50 %", "100 %s", "api_key"]

    def test_is_one_query_that_others_can_see(self):
        with CaptureQueriesContext(connection) as captured:
            select("pk").first(using="default", identifier="100 %")
        (query,) = captured
        assert query["sql"].startswith("SELECT")
        assert "100 %" in query["sql"]


class TestComposing:
    @pytest.mark.django_db
    def test_happens_once(self, composed):
        statement = select("pk")
        for _ in range(3):
            statement.first(using="default", identifier="x")
        assert len(composed) == 1

    @pytest.mark.django_db
    def test_happens_again_after_a_setting_has_changed(self, composed, settings):
        """USE_TZ, for one, decides how some databases read times."""
        statement = select("pk")
        for _ in range(2):
            statement.first(using="default", identifier="x")
        assert len(composed) == 1
        settings.USE_TZ = False
        statement.first(using="default", identifier="x")
        assert len(composed) == 2

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_happens_once_in_each_thread_and_keeps_no_connection(self, composed):
        statement = select("pk", "expires_at")

        def run():
            for _ in range(2):
                statement.first(using="default", identifier="x")
            return weakref.ref(connections["default"])

        kept = in_threads(1, run)
        gc.collect()
        assert [each() for each in kept] == [None]
        assert len(composed) == 1


@pytest.mark.django_db
class TestInsert:
    NAMES = ("name", "slug", "default_token_lifetime", "is_active", "created_at")

    def insert(self, **values):
        defaults = {
            "name": "100 % é",
            "slug": "one",
            "default_token_lifetime": timedelta(minutes=5),
            "is_active": True,
            "created_at": NOW,
        }
        Insert(Organization, *self.NAMES).run(using="default", **{**defaults, **values})

    def test_writes_a_row_that_reads_as_it_was_given(self):
        self.insert()
        expected = ("100 % é", "one", timedelta(minutes=5), True, NOW)
        assert Organization.objects.values_list(*self.NAMES).get() == expected
        assert Organization.objects.get().max_token_lifetime is None

    def test_obeys_the_constraints(self):
        self.insert()
        with pytest.raises(IntegrityError), transaction.atomic():
            self.insert()
        self.insert(slug="two")
        assert Organization.objects.count() == 2

    def test_takes_foreign_keys(self):
        user = make_user()
        credential = make_api_key(owner=user).credential
        insert = Insert(get_user_model().groups.through, "user", "group")
        group = user.groups.model.objects.create(name="g")
        insert.run(using="default", user=credential.owner_id, group=group.pk)
        assert list(user.groups.all()) == [group]

    def test_needs_every_field_that_the_database_gives_no_value(self):
        """A Python default does not reach the row, so a new field must not be forgotten."""
        with pytest.raises(TypeError, match=r"token_exchange_organization needs is_active$"):
            Insert(Organization, *(name for name in self.NAMES if name != "is_active"))


@pytest.mark.django_db
class TestComposedSelect:
    @pytest.fixture
    def identifier(self):
        return make_api_key(name="100 %s").credential.identifier

    def read(self, identifier, conditions):
        """Read three times; return what was found, and how often the query was composed."""
        times = []

        def compose():
            times.append(1)
            rows = Credential.objects.filter(identifier=by_identifier())
            return rows.filter(conditions()).values_list("identifier")

        query = ComposedSelect(compose)
        found = [query.first(using="default", identifier=identifier) for _ in range(3)]
        return found, len(times)

    @pytest.mark.parametrize(
        "conditions",
        [
            Q,
            lambda: Q(name="100 %s"),
            lambda: Q(generation=1, kind="api_key"),
            lambda: ~Q(name="12 monkeys") & ~Q(name="2030"),
            lambda: Q(created_at__lte=Now()),
        ],
    )
    def test_repeatable_query_is_kept(self, identifier, conditions):
        found, times = self.read(identifier, conditions)
        assert found == [[identifier]] * 3
        assert times == 3  # twice to compare, and once to keep

    @pytest.mark.parametrize(
        "conditions",
        [
            lambda: Q(created_at__lte=timezone.now()),
            lambda: Q(created_at__lte=NOW + timedelta(days=9999)),  # a frozen clock, or a date
            lambda: Q(created_at__date__lte=date(2200, 1, 1)),
            lambda: ~Q(generation=1_900_000_000),  # seconds since the epoch
            lambda: ~Q(name=next(TEXTS)),
            lambda: Q(pk__gt=-next(NUMBERS)),
        ],
    )
    def test_other_query_is_composed_each_time(self, identifier, conditions):
        found, times = self.read(identifier, conditions)
        assert found == [[identifier]] * 3
        assert times == 4

    def test_all_rows(self, identifier):
        query = ComposedSelect(lambda: Credential.objects.values_list("identifier"))
        assert [query.all(using="default") for _ in range(3)] == [[[identifier]]] * 3
