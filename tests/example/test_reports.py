"""The report views: scopes, and isolation of organizations."""

import pytest

from reports.models import Report
from tests.support.factories import (
    api_key_header,
    basic_header,
    make_api_key,
    make_client_app,
    make_organization,
    make_user,
)

pytestmark = pytest.mark.django_db

BOTH = ["reports:read", "reports:write"]
INSUFFICIENT = {
    "error": "insufficient_scope",
    "error_description": (
        "The request requires higher privileges than provided by the access token."
    ),
}


def titles(answer):
    assert answer.status_code == 200
    return [report["title"] for report in answer.json()["results"]]


class TestList:
    def test_newest_first(self, caller):
        client = caller(make_api_key(scopes=BOTH))
        for title in ("First", "Second"):
            assert client.post("/api/reports", {"title": title}).status_code == 201
        assert titles(client.get("/api/reports")) == ["Second", "First"]

    def test_never_those_of_another_organization(self, caller):
        ours, theirs = (caller(make_api_key(scopes=BOTH)) for _ in range(2))
        ours.post("/api/reports", {"title": "Ours"})
        theirs.post("/api/reports", {"title": "Theirs"})
        assert titles(ours.get("/api/reports")) == ["Ours"]
        assert titles(theirs.get("/api/reports?page=1&page_size=100")) == ["Theirs"]

    def test_shared_between_credentials_of_an_organization(self, caller):
        organization = make_organization()
        writer = caller(make_client_app(organization=organization, scopes=["reports:write"]))
        reader = caller(make_api_key(organization=organization, scopes=["reports:read"]))
        writer.post("/api/reports", {"title": "Shared"})
        assert titles(reader.get("/api/reports")) == ["Shared"]

    def test_a_page_has_a_largest_size(self, caller):
        key = make_api_key(scopes=BOTH)
        Report.objects.bulk_create(
            Report(organization_id=key.credential.organization_id, title=str(number))
            for number in range(101)
        )
        client = caller(key)
        assert len(titles(client.get("/api/reports"))) == 20
        assert len(titles(client.get("/api/reports?page_size=1000000"))) == 100

    @pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30])
    def test_a_page_that_is_not_there(self, caller, page):
        answer = caller(make_api_key(scopes=BOTH)).get(f"/api/reports?page={page}")
        assert answer.status_code == 404
        assert answer.json() == {"error": "invalid_request", "error_description": "Invalid page."}


class TestWrite:
    def test_in_the_name_of_a_machine(self, caller):
        app = make_client_app(scopes=BOTH)
        answer = caller(app).post("/api/reports", {"title": "Third quarter", "body": "Good."})
        assert answer.status_code == 201
        report = Report.objects.get()
        assert answer.json() == {
            "id": report.pk,
            "title": "Third quarter",
            "body": "Good.",
            "created_by": app.credential.identifier,
            "created_at": report.created_at.isoformat().replace("+00:00", "Z"),
        }
        assert report.organization == app.credential.organization

    def test_in_the_name_of_a_user(self, caller):
        key = make_api_key(owner=make_user(username="owner"), scopes=BOTH)
        answer = caller(key).post("/api/reports", {"title": "Third quarter"})
        assert answer.json()["created_by"] == "owner"

    def test_the_organization_cannot_be_chosen(self, caller):
        key, other = make_api_key(scopes=BOTH), make_organization()
        body = {"title": "x", "organization": other.pk, "created_by": "somebody", "id": 77}
        caller(key).post("/api/reports", body)
        report = Report.objects.get()
        assert report.organization == key.credential.organization
        assert report.created_by == key.credential.identifier
        assert report.pk != 77

    @pytest.mark.parametrize(
        "body",
        [{}, {"title": ""}, {"title": "x" * 201}, {"title": "a\0b"}, {"title": "\ud800"}, [], None],
    )
    def test_bad_bodies(self, caller, body):
        answer = caller(make_api_key(scopes=BOTH)).post("/api/reports", body)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert Report.objects.count() == 0


class TestScopes:
    def test_reading_needs_its_scope(self, caller):
        answer = caller(make_api_key(scopes=["reports:write"])).get("/api/reports")
        assert answer.status_code == 403
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer realm="token_exchange", error="insufficient_scope", scope="reports:read"'
        )
        assert answer.json() == INSUFFICIENT

    def test_writing_needs_its_scope(self, caller):
        answer = caller(make_api_key(scopes=["reports:read"])).post("/api/reports", {"title": "x"})
        assert answer.status_code == 403
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer realm="token_exchange", error="insufficient_scope", scope="reports:write"'
        )
        assert answer.json() == INSUFFICIENT
        assert Report.objects.count() == 0

    def test_unauthenticated_request(self, https_client):
        answer = https_client.get("/api/reports")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="token_exchange"'


class TestCount:
    @pytest.mark.parametrize(
        ("make", "header"), [(make_api_key, api_key_header), (make_client_app, basic_header)]
    )
    def test_by_the_credential_itself(self, https_client, make, header):
        issued = make(scopes=["reports:read"])
        Report.objects.create(organization=issued.credential.organization, title="Ours")
        Report.objects.create(organization=make_organization(), title="Theirs")
        answer = https_client.get("/api/reports/count", headers=header(issued))
        assert answer.status_code == 200
        assert answer.json() == {"count": 1}

    def test_scope(self, https_client):
        answer = https_client.get("/api/reports/count", headers=api_key_header(make_api_key()))
        assert answer.status_code == 403
        assert answer.json() == INSUFFICIENT

    def test_both_challenges(self, https_client):
        answer = https_client.get("/api/reports/count")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == (
            'ApiKey realm="token_exchange", Basic realm="token_exchange", charset="UTF-8"'
        )


class TestPages:
    def test_home_leads_to_the_page_of_the_api(self, https_client):
        assert https_client.get("/").headers["Location"] == "/api/docs"

    def test_admin(self, admin_client):
        organization = make_organization()
        Report.objects.create(organization=organization, title="Third quarter")
        page = admin_client.get("/admin/reports/report/", secure=True).content.decode()
        assert "Third quarter" in page
        assert organization.name in page
        form = admin_client.get("/admin/reports/report/add/", secure=True)
        assert form.status_code == 200
