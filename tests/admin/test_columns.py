"""Change list columns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.admin.clients import make_token
from tests.support.admin_urls import admin_url
from tests.support.factories import (
    make_api_key,
    make_client_app,
    make_organization,
    make_tokens,
    make_user,
)
from token_exchange.admin import columns
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, APIKey, Credential, access_token

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEYS = admin_url("apikey", "changelist")
TOKENS = admin_url("accesstoken", "changelist")


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def words(html: object) -> str:
    """What a reader sees of it."""
    return " ".join(re.sub(r"<[^>]*>", "", str(html)).replace("\xa0", " ").split())


class TestCredential:
    def test_is_known_by_its_name_and_the_beginning_of_its_identifier(self):
        key = make_api_key(name="Nightly").credential
        cell = columns.name_and_identifier(key)
        assert words(cell) == f"Nightly {key.identifier[:12]}…"
        assert f'title="{key.identifier}"' in cell

    def test_shows_every_state(self, clock):
        key = make_api_key(expires_at=NOW + HOUR).credential
        credentials.rotate(key, overlap=HOUR, act=Act(now=NOW))
        assert words(columns.state_badges(key)) == "Rotating Expiring"
        credentials.revoke(key, act=Act(now=NOW))
        assert words(columns.state_badges(key)) == "Revoked"

    def test_says_whose_it_is(self):
        acme = make_organization(name="Acme")
        assert (
            words(columns.organization_and_owner(make_client_app(organization=acme).credential))
            == "Acme"
        )
        key = make_api_key(organization=acme, owner=make_user(username="anna")).credential
        assert words(columns.organization_and_owner(key)) == "Acme as anna"
        key.owner.delete()
        assert (
            words(columns.organization_and_owner(Credential.objects.get(pk=key.pk)))
            == "Acme deleted user"
        )

    def test_names_three_scopes_and_says_how_many_more_there_are(self):
        few = make_api_key(scopes=["a", "b", "c"]).credential
        assert words(columns.scope_summary(few)) == "a b c"
        many = make_api_key(scopes=["a", "b", "c", "d", "e"]).credential
        assert words(columns.scope_summary(many)) == "a b c +2"
        assert 'title="d e"' in columns.scope_summary(many)
        assert words(columns.scope_list(many)) == "a b c d e"

    def test_breaks_a_scope_where_its_parts_meet(self):
        key = make_api_key(scopes=["team-a:read"]).credential
        assert "<code>team-<wbr>a:<wbr>read</code>" in columns.scope_summary(key)

    @pytest.mark.parametrize(
        ("ago", "said"),
        [
            (timedelta(seconds=-1), "just now from 192.0.2.7"),
            (timedelta(seconds=59), "just now from 192.0.2.7"),
            (timedelta(minutes=3), "3 minutes ago from 192.0.2.7"),
            (timedelta(hours=30), "1 day ago from 192.0.2.7"),
        ],
    )
    def test_says_when_it_was_used_and_from_where(self, clock, ago, said):
        key = Credential(last_used_at=NOW - ago, last_used_from="192.0.2.7")
        assert words(columns.last_used(key)) == said
        previous = Credential(
            previous_secret_last_used_at=NOW - ago, previous_secret_last_used_from="192.0.2.7"
        )
        assert words(columns.previous_secret_last_used(previous)) == said

    def test_was_never_used_or_from_nowhere_in_particular(self, clock):
        assert columns.last_used(Credential()) == "Never"
        assert words(columns.last_used(Credential(last_used_at=NOW - HOUR))) == "1 hour ago"

    def test_has_the_exact_time_at_hand(self, clock, settings):
        settings.TIME_ZONE = "Europe/Berlin"
        cell = columns.last_used(Credential(last_used_at=NOW - HOUR))
        assert 'title="March 1, 2026, noon"' in cell
        assert 'datetime="2026-03-01T11:00:00+00:00"' in cell

    def test_expires_on_a_day_or_never(self):
        assert words(columns.expiry(Credential(expires_at=NOW))) == "March 1, 2026"
        assert columns.expiry(Credential()) is None

    def test_escapes_hostile_text(self):
        evil = '"><script>alert(1)</script>'
        key = Credential(
            name=evil,
            identifier=evil,
            scopes=[evil] * 4,
            subject_type="user",
            organization=make_organization(name=evil),
            owner=make_user(username=evil),
            last_used_at=NOW,
            last_used_from=evil,
        )
        cells = (columns.name_and_identifier, columns.organization_and_owner, columns.scope_summary)
        for cell in (*cells, columns.scope_list, columns.last_used):
            assert "<script>" not in cell(key)
            assert "&lt;script&gt;" in cell(key)
            assert '""' not in cell(key)


class TestLiveTokens:
    @pytest.fixture
    def limit(self, monkeypatch):
        for module in (access_token, columns):
            monkeypatch.setattr(module, "LIVE_COUNT_LIMIT", 2)

    @pytest.mark.usefixtures("limit")
    @pytest.mark.parametrize(("count", "said"), [(0, "0"), (2, "2"), (3, "2+"), (5, "2+")])
    def test_are_counted_as_far_as_the_limit(self, operator, count, said):
        key = make_api_key().credential
        make_tokens(*(timezone.now() + HOUR * (n + 1) for n in range(count)), credential=key)
        row = operator.get(KEYS).context["cl"].result_list[0]
        assert words(columns.live_tokens()(row)) == said
        assert row.live_token_count <= 3

    @pytest.mark.usefixtures("limit")
    def test_are_found_among_dead_ones(self, operator):
        key = make_api_key().credential
        make_tokens(*[timezone.now() + HOUR] * 5, credential=key, revoked_at=timezone.now())
        make_tokens(timezone.now() + 2 * HOUR, credential=key)
        assert operator.get(KEYS).context["cl"].result_list[0].live_token_count == 1

    def test_are_a_link_to_them_for_those_who_may_look(self, operator, sign_in):
        token = make_token()
        link = f'<a href="{TOKENS}?credential={token.credential_id}&amp;state=live">1</a>'
        assert link in operator.get(KEYS).text.replace("&state", "&amp;state")
        assert list(
            operator.get(f"{TOKENS}?credential={token.credential_id}&state=live")
            .context["cl"]
            .result_list
        ) == [token]
        assert f"{TOKENS}?credential" not in sign_in("view_apikey").get(KEYS).text

    def test_are_no_link_where_there_are_none(self, operator):
        make_api_key()
        assert f"{TOKENS}?credential" not in operator.get(KEYS).text


class TestAccessToken:
    def test_says_when_it_was_issued_and_how_long_it_lives(self, clock):
        token = AccessToken(issued_at=NOW - HOUR, expires_at=NOW + HOUR)
        assert words(columns.token_issued(token)) == "1 hour ago"
        assert words(columns.token_expiry(token)) == "in 1 hour"
        clock.shift(2 * HOUR)
        assert words(columns.token_expiry(token)) == "1 hour ago"


class TestOrganization:
    def test_leads_to_its_credentials(self, operator):
        key = make_api_key(name="mine").credential
        make_api_key()
        tenants = admin_url("organization", "changelist")
        url = f"{KEYS}?organization={key.organization_id}"
        assert f'href="{url}"' in operator.get(tenants).text
        assert list(operator.get(url).context["cl"].result_list) == [APIKey.objects.get(pk=key.pk)]
