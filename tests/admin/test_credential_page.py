"""The change form of a credential: summary, previous secret, usage examples, no digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from django.utils.formats import date_format

from tests.admin.clients import make_token, works
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, APIKey
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FROM = '<span class="te-aside">from 192.0.2.1</span>'
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=y>'


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


def facts_of(response):
    return {str(label): str(value) for label, value in response.context["summary"]}


def exactly(at):
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


class TestSummary:
    def test_of_a_users_key(self, operator):
        owner = make_user(username="ada")
        organization = make_organization(name="Acme")
        issued = make_api_key(
            organization=organization,
            owner=owner,
            by=operator.user,
            scopes=["a", "b"],
            audience=["https://api.test"],
            allowed_networks=["192.0.2.0/24"],
            expires_at=NOW + timedelta(days=90),
        )
        make_token(issued)
        facts = facts_of(operator.get(credential_url(issued.credential, "change")))
        assert facts["Organization"] == "Acme"
        assert facts["Acts as"] == "ada"
        assert facts["Issued"].endswith(f" by {operator.user.username}")
        assert facts["Scopes"] == "<code>a</code> <code>b</code>"
        assert facts["Audience"] == "<code>https://api.test</code>"
        assert facts["Networks"] == "<code>192.0.2.0/24</code>"
        assert facts["Token endpoint"] == "<code>https://issuer.test/v1/token</code>"
        assert exactly(NOW + timedelta(days=90)) in facts["Expires"]
        assert ">1</a>" in facts["Live tokens"]

    def test_of_one_without_anything(self, operator):
        facts = facts_of(operator.get(credential_url(make_api_key().credential, "change")))
        assert facts["Acts as"] == "The organization"
        assert facts["Last used"] == "Never"
        assert facts["Scopes"] == "None"
        assert facts["Audience"] == "<code>https://issuer.test</code>"
        assert facts["Networks"] == "Any"
        assert facts["Expires"] == "Never"
        assert "by" not in facts["Issued"]

    def test_of_a_key_whose_owner_is_gone(self, operator):
        key = make_api_key(owner=make_user()).credential
        APIKey.objects.update(owner=None)
        facts = facts_of(operator.get(credential_url(key, "change")))
        assert facts["Acts as"] == "Deleted user"

    def test_of_the_last_use(self, operator, django_capture_on_commit_callbacks):
        issued = make_api_key()
        with django_capture_on_commit_callbacks(execute=True):
            assert works(issued.raw_secret)
        with time_machine.travel(NOW + timedelta(minutes=3), tick=False):
            facts = facts_of(operator.get(credential_url(issued.credential, "change")))
        assert f"3\N{NO-BREAK SPACE}minutes ago</time> {FROM}" in facts["Last used"]

    @pytest.mark.parametrize(
        ("own", "default", "longest", "words"),
        [
            (None, None, None, "30 minutes"),
            (None, 600, None, "10 minutes"),
            (900, 600, None, "15 minutes"),
            (900, None, 300, "5 minutes"),
        ],
    )
    def test_of_the_lifetime_of_tokens_are_what_an_exchange_gives(
        self, operator, own, default, longest, words
    ):
        def lifetime(seconds):
            return None if seconds is None else timedelta(seconds=seconds)

        organization = make_organization(
            default_token_lifetime=lifetime(default), max_token_lifetime=lifetime(longest)
        )
        issued = make_api_key(organization=organization, token_lifetime=lifetime(own))
        make_token(issued)
        facts = facts_of(operator.get(credential_url(issued.credential, "change")))
        assert facts["Token lifetime"] == words
        token = AccessToken.objects.get()
        assert minutes(words) == token.expires_at - token.issued_at

    def test_of_a_client_app_have_another_lifetime(self, operator):
        response = operator.get(credential_url(make_client_app().credential, "change"))
        assert facts_of(response)["Token lifetime"] == "8 hours"

    def test_have_the_whole_identifier_to_copy(self, operator):
        for issued, label in ((make_api_key(), "Identifier"), (make_client_app(), "client_id")):
            text = operator.get(credential_url(issued.credential, "change")).text
            assert f'id="te-label-identifier">{label}<' in text
            assert f'translate="no">{issued.credential.identifier}</code>' in text


def minutes(words):
    return timedelta(minutes=int(words.split()[0]))


class TestPreviousSecret:
    def test_shows_its_end_and_last_use(self, operator, django_capture_on_commit_callbacks):
        issued = make_api_key(name="Nightly")
        credentials.rotate(issued.credential, act=Act(now=NOW))
        url = credential_url(issued.credential, "change")
        text = operator.get(url).text
        assert 'The previous secret of "Nightly" still works' in text
        assert exactly(NOW + timedelta(days=1)) in text
        assert "Not used since the rotation" in text
        with django_capture_on_commit_callbacks(execute=True):
            assert works(issued.raw_secret)
        text = operator.get(url).text
        assert f"just now</time> {FROM}" in text
        assert "that client can't get new tokens until it has the new secret" in text

    def test_can_be_ended_from_there(self, operator):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=NOW))
        text = operator.get(credential_url(issued.credential, "change")).text
        end = credential_url(issued.credential, "end_overlap")
        assert f'<form method="post" id="te-end-{issued.credential.pk}" action="{end}">' in text
        assert f'form="te-end-{issued.credential.pk}"' in text

    def test_has_no_button_without_permission(self, sign_in):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=NOW))
        text = sign_in("view_apikey").get(credential_url(issued.credential, "change")).text
        assert "still works" in text
        assert "te-end-" not in text

    def test_is_hidden_after_it_has_ended(self, operator):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=NOW))
        url = credential_url(issued.credential, "change")
        with time_machine.travel(NOW + timedelta(days=1), tick=False):
            assert "still works" not in operator.get(url).text
        credentials.revoke(issued.credential, act=Act(now=NOW))
        assert "still works" not in operator.get(url).text


class TestRevoked:
    def test_says_when_by_whom_and_why(self, operator):
        key = make_api_key().credential
        credentials.revoke(key, act=Act(now=NOW, by=operator.user, reason=HOSTILE))
        response = operator.get(credential_url(key, "change"))
        told = {str(label): str(value) for label, value in response.context["revoked"]}
        assert told["Revoked"].endswith(f"</time> by {operator.user.username}")
        assert told["Reason"] == HOSTILE
        assert "<script>alert" not in response.text
        assert "<img src=x" not in response.text

    def test_without_a_reason_says_so(self, operator):
        key = make_api_key().credential
        credentials.revoke(key, act=Act(now=NOW))
        assert "No reason given" in operator.get(credential_url(key, "change")).text

    def test_shows_no_form_and_no_lines_to_use_it(self, operator):
        key = make_api_key(metadata={"team": HOSTILE}).credential
        credentials.revoke(key, act=Act(now=NOW))
        text = operator.get(credential_url(key, "change")).text
        assert "Usage examples" not in text
        assert 'name="name"' not in text
        assert "&quot;team&quot;" in text
        assert "<img src=x" not in text


class TestViewOnly:
    def test_shows_the_policy_in_words(self, sign_in):
        key = make_api_key(scopes=["a", "b"]).credential
        response = sign_in("view_apikey").get(credential_url(key, "change"))
        assert "<code>a</code> <code>b</code>" in response.text
        assert "[&quot;a&quot;" not in response.text
        assert 'name="name"' not in response.text

    def test_has_lines_without_a_secret(self, operator):
        key = make_api_key().credential
        text = operator.get(credential_url(key, "change")).text
        assert "ApiKey API_KEY" in text
        app = make_client_app().credential
        text = operator.get(credential_url(app, "change")).text
        assert f"{app.identifier}:CLIENT_SECRET" in text

    def test_has_lines_for_a_key_that_follows_revocations(self, operator):
        key = make_api_key(scopes=[REVOCATIONS_SCOPE]).credential
        response = operator.get(credential_url(key, "change"))
        assert [label for label, _lines in response.context["usage_examples"]] == ["curl", "Python"]
        assert "https://issuer.test/v1/revocations" in response.text

    def test_leads_to_the_tokens_only_who_may_see_them(self, sign_in):
        issued = make_api_key()
        make_token(issued)
        url = credential_url(issued.credential, "change")
        tokens = admin_url("accesstoken", "changelist")
        assert tokens not in facts_of(sign_in("view_apikey").get(url))["Live tokens"]
        both = sign_in("view_apikey", "view_accesstoken").get(url)
        assert tokens in facts_of(both)["Live tokens"]

    def test_escapes_hostile_text(self, operator):
        organization = make_organization(name=HOSTILE)
        owner = make_user(username=HOSTILE)
        issued = make_api_key(name=HOSTILE, organization=organization, owner=owner)
        credentials.rotate(issued.credential, act=Act(now=NOW))
        for name in ("change", "rotate", "rotate_compromised", "revoke"):
            text = operator.get(credential_url(issued.credential, name)).text
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert "&lt;script&gt;" in text
