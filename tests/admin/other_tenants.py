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


def issue_and_find() -> dict[str, object]:
    tenant = apps.get_model(settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL).objects.create(
        name="Example", slug="example"
    )
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    form = client.get("/admin/token_exchange/apikey/add/", secure=True)
    values = {"drawn": form.context["drawn"], "name": "Nightly", "organization": str(tenant.pk)}
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


if __name__ == "__main__":
    django.setup()
    setup_test_environment()
    call_command("migrate", verbosity=0)
    with override_settings(ROOT_URLCONF="tests.admin.urls_without_wire"):
        print(json.dumps(issue_and_find()))  # noqa: T201
