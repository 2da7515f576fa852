"""The admin of access tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.admin.clients import make_token
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app, make_tokens
from token_exchange.models import AccessToken

pytestmark = pytest.mark.django_db

TOKENS = admin_url("accesstoken", "changelist")


def deactivate(row):
    row.is_active = False
    row.save()


class TestAccessTokens:
    STATES = ("live", "revoked", "expired", "refused")

    @pytest.fixture
    def tokens(self):
        """One in each state; of what is over, it does not matter what else has ended it."""
        issued = make_api_key()
        live, revoked, expired = (make_token(issued) for _ in range(3))
        AccessToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        AccessToken.objects.filter(pk=expired.pk).update(
            revoked_at=timezone.now(), expires_at=timezone.now()
        )
        refused = make_token()
        deactivate(refused.credential.organization)
        return dict(zip(self.STATES, (live, revoked, expired, refused), strict=True))

    def test_show_their_state(self, operator, tokens):
        for state, token in tokens.items():
            text = operator.get(admin_url("accesstoken", "change", token)).text
            assert f'<span class="te-badge te-{state}">{state.title()}</span>' in text
        text = operator.get(TOKENS).text
        assert [text.count(f"te-badge te-{state}") for state in self.STATES] == [1, 1, 1, 1]

    def test_are_found_by_state(self, operator, tokens):
        found = {
            state: list(operator.get(f"{TOKENS}?state={state}").context["cl"].result_list)
            for state in ("live", "revoked", "expired")
        }
        assert found == {state: [tokens[state]] for state in found}
        for no_filter in ("refused", "nonsense"):
            rows = operator.get(f"{TOKENS}?state={no_filter}").context["cl"].result_list
            assert len(rows) == 4

    def test_can_be_revoked_while_they_are_neither_revoked_nor_over(self, operator, tokens):
        """One that is refused works again when its organization is active again."""
        urls = {state: admin_url("accesstoken", "revoke", token) for state, token in tokens.items()}
        offered = [
            state
            for state, token in tokens.items()
            if urls[state] in operator.get(admin_url("accesstoken", "change", token)).text
        ]
        assert offered == ["live", "refused"]
        operator.send(urls["refused"])
        assert AccessToken.objects.get(pk=tokens["refused"].pk).revoked_at is not None

    def test_come_last_to_expire_first_or_last_revoked(self, operator):
        key, now = make_api_key().credential, timezone.now()
        hours = [now + timedelta(hours=each) for each in (2, 3, 1)]
        second, first, third = make_tokens(*hours, credential=key)
        for url in (TOKENS, f"{TOKENS}?credential={key.pk}", f"{TOKENS}?q={key.identifier}"):
            rows = operator.get(url).context["cl"].result_list
            assert list(rows) == [first, second, third]
        for ago, token in enumerate((third, second)):
            at = now - timedelta(minutes=ago)
            AccessToken.objects.filter(pk=token.pk).update(revoked_at=at)
        assert list(operator.get(f"{TOKENS}?state=revoked").context["cl"].result_list) == [
            third,
            second,
        ]

    def test_are_found_by_credential(self, operator, tokens):
        token = tokens["live"]
        for state, found in (("live", [token]), ("revoked", [tokens["revoked"]])):
            url = f"{TOKENS}?credential={token.credential_id}&state={state}"
            assert list(operator.get(url).context["cl"].result_list) == found
        response = operator.get(f"{TOKENS}?credential={token.credential_id}")
        assert len(response.context["cl"].result_list) == 3
        assert str(token.credential) in response.text
        assert operator.get(f"{TOKENS}?credential=nonsense").url == f"{TOKENS}?e=1"
        assert "By credential" not in operator.get(TOKENS).text

    def test_are_none_of_a_credential_that_is_not_there_or_out_of_reach(
        self, operator, tokens, sign_in, settings
    ):
        assert not operator.get(f"{TOKENS}?credential=0").context["cl"].result_list
        settings.TOKEN_EXCHANGE = {
            **settings.TOKEN_EXCHANGE,
            "OPERATOR_ORGANIZATIONS": "tests.admin.operators.by_group",
        }
        key = tokens["live"].credential
        limited = sign_in("view_accesstoken")
        response = limited.get(f"{TOKENS}?credential={key.pk}")
        assert not response.context["cl"].result_list
        assert key.name not in response.text
        limited.user.groups.add(Group.objects.create(name=key.organization.slug))
        response = limited.get(f"{TOKENS}?credential={key.pk}")
        assert len(response.context["cl"].result_list) == 3
        assert key.name in response.text

    def test_are_found_by_jti_and_credential(self, operator):
        token, other = make_token(), make_token()
        for term in (token.jti, token.credential.identifier):
            assert list(operator.get(f"{TOKENS}?q={term}").context["cl"].result_list) == [token]
        assert other.jti not in operator.get(f"{TOKENS}?q={token.jti}").text

    def test_link_to_the_credential_of_either_kind(self, operator):
        token = make_token()
        app = make_client_app().credential
        AccessToken.objects.create(
            jti="x",
            credential=app,
            generation=1,
            audience=[],
            issued_at=timezone.now(),
            expires_at=timezone.now(),
            signing_input="header.payload",
        )
        text = operator.get(TOKENS).text
        assert credential_url(token.credential, "change") in text
        assert credential_url(app, "change") in text

    def test_show_no_signing_input(self, operator):
        token = make_token()
        AccessToken.objects.update(signing_input="the-header.the-payload")
        for url in (TOKENS, admin_url("accesstoken", "change", token)):
            assert "the-payload" not in operator.get(url).text

    def test_can_be_neither_added_nor_changed_nor_deleted(self, operator):
        token = make_token()
        assert operator.get(admin_url("accesstoken", "add")).status_code == 403
        for name in ("change", "delete"):
            assert (
                operator.post(admin_url("accesstoken", name, token), {"post": "yes"}).status_code
                == 403
            )
        assert AccessToken.objects.count() == 1
