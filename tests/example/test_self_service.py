"""Users of the example manage their own API keys."""

from __future__ import annotations

import re

import pytest

from tests.self_service.members import KEYS
from tests.support.factories import make_organization, make_user
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db

PAGES = "/account/keys/"
PASSWORD = "a-password-of-the-user"


@pytest.fixture
def signed_in(https_client):
    """Return a client that was redirected to the login page, and logged in."""
    user = make_user(password=PASSWORD)
    sent = https_client.get(PAGES)
    assert sent["Location"] == f"/account/login/?next={PAGES}"
    assert "<h1>Log in</h1>" in https_client.get(sent["Location"]).text
    form = {"username": user.username, "password": PASSWORD, "next": PAGES}
    assert https_client.post("/account/login/", form)["Location"] == PAGES
    return https_client


def test_user_creates_a_key_that_reads_reports(signed_in, caller):
    organization = make_organization()
    signed_identifier = signed_in.get(f"{PAGES}new/").context["signed_identifier"]
    form = {
        "label": "Mine",
        "scopes": ["reports:read"],
        "expiry": "30",
        "signed_identifier": signed_identifier,
    }
    shown = signed_in.post(f"{PAGES}new/", form).text
    (raw_key,) = set(re.findall(r"sk_live\.\w{12}\.\w{49}", shown))
    key = Credential.objects.get()
    assert (key.organization, key.scopes) == (organization, ["reports:read"])
    answer = signed_in.post("/v1/token", headers={"authorization": f"ApiKey {raw_key}"})
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert signed_in.get("/api/reports", headers=headers).status_code == 200


def test_user_creates_no_key_without_an_organization(signed_in):
    assert signed_in.get(PAGES).status_code == 403
    assert signed_in.post(KEYS).status_code == 403
