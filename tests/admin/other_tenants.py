"""Issue and find an API key in the admin of a project that has a tenant model of its own.

Prints the names of what the admin shows, how it asks for the tenant, and what came of it, as JSON.
"""

from __future__ import annotations

import json

import django
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client, override_settings
from django.test.utils import setup_test_environment
from django.utils import timezone


def issue_and_find() -> dict[str, object]:
    tenant = apps.get_model(settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL).objects.create(
        name="Example", slug="example"
    )
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    form = client.get("/admin/token_exchange/apikey/add/", secure=True)
    values = {
        "signed_identifier": form.context["signed_identifier"],
        "name": "Nightly",
        "organization": str(tenant.pk),
    }
    answer = client.post("/admin/token_exchange/apikey/add/", values, secure=True)
    url = f"/admin/token_exchange/apikey/?organization={tenant.pk}"
    events = client.get(f"/admin/token_exchange/auditevent/?organization={tenant.pk}", secure=True)
    return {
        "shown": sorted(model.__name__ for model in admin.site._registry),
        "widget": type(form.context["adminform"].form.fields["organization"].widget).__name__,
        "title": answer.context["title"],
        "recorded": [
            [row.event, f'te-line">{tenant}<' in events.text]
            for row in events.context["cl"].result_list
        ],
        "found": [row.name for row in client.get(url, secure=True).context["cl"].result_list],
        "nonsense": client.get("/admin/token_exchange/apikey/?organization=x", secure=True).url,
    }


def example_alone(_user: object) -> list[str]:
    """Limit everybody to the tenant "example", by the text of its key, which is a UUID."""
    tenants = apps.get_model(settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL).objects
    return [str(tenants.get(slug="example").pk)]


def look_beyond() -> dict[str, object]:
    """Try as the operator of the tenant "example" what belongs to another."""
    from django.contrib.auth.models import Permission  # noqa: PLC0415 - once the apps are ready

    from token_exchange.issuer import credentials  # noqa: PLC0415 - once the apps are ready
    from token_exchange.issuer.credentials import Act  # noqa: PLC0415

    tenants = apps.get_model(settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL).objects
    other = tenants.create(name="Other", slug="other")
    issued = credentials.issue(
        kind="api_key", organization=other, name="Theirs", act=Act(now=timezone.now())
    )
    user = get_user_model().objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="token_exchange"))
    client = Client()
    client.force_login(user)
    url = "/admin/token_exchange/apikey/"
    form = client.get(f"{url}add/", secure=True)
    values = {
        "signed_identifier": form.context["signed_identifier"],
        "name": "Mine",
        "organization": str(other.pk),
    }
    answer = client.post(f"{url}add/", values, secure=True)
    keys = client.get(url, {"organization": str(other.pk)}, secure=True)
    events = client.get("/admin/token_exchange/auditevent/", secure=True)
    page = client.get(f"{url}{issued.credential.pk}/rotate/", secure=True)
    organization = form.context["adminform"].form.fields["organization"]
    return {
        "offered": [each.name for each in organization.queryset],
        "refused": list(answer.context["adminform"].form.errors),
        "rotate": page.status_code,
        "found": [row.name for row in keys.context["cl"].result_list],
        "events": [row.event for row in events.context["cl"].result_list],
        "told": ["Theirs" in each.text for each in (form, answer, keys, events, page)],
    }


if __name__ == "__main__":
    django.setup()
    setup_test_environment()
    call_command("migrate", verbosity=0)

    with override_settings(ROOT_URLCONF="tests.admin.urls_without_wire"):
        found = issue_and_find()
        hook = "tests.admin.other_tenants.example_alone"
        limits = {**settings.TOKEN_EXCHANGE, "OPERATOR_ORGANIZATIONS": hook}
        with override_settings(TOKEN_EXCHANGE=limits):
            print(json.dumps({**found, "beyond": look_beyond()}))  # noqa: T201
