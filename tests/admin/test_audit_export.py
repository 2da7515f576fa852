"""The export of the audit trail."""

from __future__ import annotations

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from tests.admin.conftest import OperatorClient
from tests.admin.events import LIST, NOW, make_event
from tests.support.factories import make_api_key, make_organization
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent
from token_exchange.observability import audit_export

pytestmark = pytest.mark.django_db


class TestExport:
    @pytest.fixture
    def events(self):
        organization = make_organization(name="Acme")
        values = {"organization": str(organization.pk), "actor": "operator", "actor_id": "7"}
        return [
            make_event(origin="192.0.2.1", reason="Left", details={"a": [1, None]}, **values),
            make_event(event="token.revoked", target_type="access_token", **values),
        ]

    def test_as_json_is_all_of_what_is_filtered(self, operator, events):
        response = operator.get(f"{LIST}export/json/", {"actor": "operator"})
        assert json.loads(response.getvalue()) == [
            {
                "id": events[0].pk,
                "occurred_at": "2026-01-31T12:00:00+00:00",
                "event": "credential.revoked",
                "target_type": "api_key",
                "target": "sk_live.0123456789AB",
                "organization": events[0].organization,
                "actor_id": "7",
                "actor": "operator",
                "origin": "192.0.2.1",
                "reason": "Left",
                "details": {"a": [1, None]},
            },
            {
                "id": events[1].pk,
                "occurred_at": "2026-01-31T12:00:00+00:00",
                "event": "token.revoked",
                "target_type": "access_token",
                "target": "sk_live.0123456789AB",
                "organization": events[1].organization,
                "actor_id": "7",
                "actor": "operator",
                "origin": "",
                "reason": "",
                "details": {},
            },
        ]

    def test_as_csv_is_the_same(self, operator, events):
        found = [
            operator.get(f"{LIST}export/{each}/", {"actor": "operator"}).getvalue().decode()
            for each in ("csv", "json")
        ]
        rows = list(csv.DictReader(io.StringIO(found[0], newline="")))
        expected = json.loads(found[1])
        parsed = ({"id": int(row["id"]), "details": json.loads(row["details"])} for row in rows)
        assert [{**row, **each} for row, each in zip(rows, parsed, strict=True)] == expected

    @pytest.mark.parametrize(
        ("file_format", "content_type"),
        [("json", "application/json"), ("csv", "text/csv; charset=utf-8")],
    )
    def test_is_a_download_that_nobody_keeps(self, operator, file_format, content_type):
        response = operator.get(f"{LIST}export/{file_format}/")
        assert response.streaming
        assert response.headers["Content-Type"] == content_type
        name = f'attachment; filename="audit.{file_format}"'
        assert response.headers["Content-Disposition"] == name
        assert "no-store" in response.headers["Cache-Control"]

    def test_is_sent_in_pieces_by_an_asynchronous_server_too(self, operator, monkeypatch):
        monkeypatch.setattr(audit_export, "BATCH_ROWS", 2)
        pks = [make_event(event="token.revoked").pk for _ in range(5)]

        async def fetch():
            client = AsyncClient()
            await client.aforce_login(operator.user)
            url = f"{LIST}export/json/?event=token.revoked"
            response = await client.get(url, secure=True)
            assert response.is_async
            return [piece async for piece in response]

        pieces = async_to_sync(fetch)()
        assert len(pieces) == 4
        assert [each["id"] for each in json.loads(b"".join(pieces))] == pks

    def test_is_linked_from_the_list_with_its_filters(self, operator):
        text = operator.get(f"{LIST}?actor=operator&p=1").text
        assert f'href="{LIST}export/json/?actor=operator"' in text
        assert f'href="{LIST}export/csv/?actor=operator"' in text
        assert f'href="{LIST}export/csv/"' in operator.get(LIST).text

    def test_goes_past_what_the_list_counts(self, operator):
        AuditEvent.objects.bulk_create(
            AuditEvent(occurred_at=NOW, event="token.revoked", target="x", target_type="api_key")
            for _ in range(2500)
        )
        response = operator.get(f"{LIST}export/json/", {"event": "token.revoked"})
        pks = [each["id"] for each in json.loads(response.getvalue())]
        assert len(set(pks)) == 2500
        assert pks == sorted(pks)

    def test_knows_no_other_format(self, operator):
        assert operator.get(f"{LIST}export/xml/").status_code == 404

    def test_sends_strangers_to_the_login(self):
        assert OperatorClient().get(f"{LIST}export/json/").url.startswith("/admin/login/")

    def test_has_no_secret(self, operator):
        issued = make_api_key(scopes=["a"])
        rotated = credentials.rotate(
            issued.credential, act=Act(now=timezone.now(), by=operator.user)
        )
        for file_format in ("json", "csv"):
            text = operator.get(f"{LIST}export/{file_format}/").getvalue().decode()
            assert issued.credential.identifier in text
            assert issued.raw_secret[-49:] not in text
            assert rotated.raw_secret[-49:] not in text
            assert rotated.credential.secret_digest not in text
