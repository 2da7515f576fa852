"""The whole service under its own settings, with DEBUG off."""

import json
import tempfile

import pytest
import yaml

from tests.example.processes import PROJECT, run

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("example_service")]

SNAPSHOT = PROJECT.parent / "tests" / "example" / "schema.yaml"

VISIT = """
import json, sys, django
django.setup()
from django.test import Client
from django.conf import settings
client = Client(headers={"host": "localhost"})
answers = {}
for path in json.loads(sys.argv[1]):
    answer = client.get(path, headers={"accept": "text/html,*/*"})
    body = answer.getvalue().decode(errors="replace")
    answers[path] = [answer.status_code, answer.headers["Content-Type"], body]
print(json.dumps(answers))
"""


TRY = """
import json, django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
call_command("create_organization", "Ours", slug="ours", verbosity=0, stdout=open("/dev/null", "w"))
from token_exchange.issuer import credentials
from token_exchange.models import Organization
issued = credentials.issue(
    kind="api_key",
    organization=Organization.objects.get(),
    name="Mine",
    policy=credentials.CredentialPolicy(scopes={"reports:read"}),
)
def status(origin):
    headers = {
        "authorization": f"ApiKey {issued.raw_secret}",
        "host": "127.0.0.1:8000",
        "origin": origin,
        "sec-fetch-site": "same-origin",
    }
    page = {name: each for name, each in headers.items() if name != "origin"}
    client = Client()
    return [
        client.post("/v1/token", headers=headers).status_code,
        client.get("/api/reports/count", headers=page if origin.endswith("1:8000") else headers)
        .status_code,
    ]
print(json.dumps([status("http://127.0.0.1:8000"), status("https://elsewhere.test")]))
"""


FILES = [
    "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
    "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css",
]
PATHS = ["/api/docs", *FILES, "/admin/login/", "/static/admin/css/base.css", "/api/whoami"]


@pytest.fixture(scope="module")
def answers():
    """Status, content type and body of every path."""
    done = run("-c", VISIT, json.dumps(PATHS), DATABASE_URL="sqlite:///:memory:")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestPages:
    def test_no_file_comes_from_elsewhere(self, answers):
        status, content_type, page = answers["/api/docs"]
        assert (status, content_type) == (200, "text/html; charset=utf-8")
        assert "https://" not in page
        assert "http://" not in page
        assert [name in page for name in FILES] == [True, True]
        assert [answers[name][0] for name in FILES] == [200, 200]

    def test_keys_entered_in_the_page_of_the_api_are_accepted(self):
        done = run("-c", TRY, DATABASE_URL="sqlite:///:memory:", TOKEN_EXCHANGE_REQUIRE_HTTPS="off")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [[200, 200], [401, 401]]

    def test_the_admin_has_its_style(self, answers):
        pages = ("/admin/login/", "/static/admin/css/base.css")
        assert [answers[path][0] for path in pages] == [200, 200]

    def test_errors_are_json_for_a_browser_too(self, answers):
        status, content_type, body = answers["/api/whoami"]
        assert (status, content_type) == (401, "application/json")
        assert json.loads(body)["error"] == "invalid_request"


class TestChecks:
    def test_a_deployment_with_everything_set_has_no_problem_of_ours(self):
        done = run(
            "manage.py",
            "check",
            "--deploy",
            SECRET_KEY="a-long-random-text-" * 4,
            TOKEN_EXCHANGE_ISSUER="https://api.example.com",
            CACHE_URL="redis://127.0.0.1:1/0",
        )
        assert done.returncode == 0, done.stderr
        assert "token_exchange." not in done.stderr

    def test_migrations_are_complete(self):
        done = run("manage.py", "makemigrations", "--check", DATABASE_URL="sqlite:///:memory:")
        assert done.returncode == 0, done.stdout

    def test_a_bad_algorithm_is_told(self):
        done = run("manage.py", "check", TOKEN_EXCHANGE_ALGORITHM="HS256")
        assert done.returncode == 1
        assert "token_exchange.E004" in done.stderr


class TestOpenApiDocument:
    def test_snapshot(self):
        """To renew: python example_project/manage.py spectacular --file tests/example/schema.yaml.

        Validated against OpenAPI's own schema, and without a warning.
        """
        with tempfile.NamedTemporaryFile() as document:
            done = run(
                "manage.py",
                "spectacular",
                "--validate",
                "--fail-on-warn",
                "--file",
                document.name,
            )
            assert (done.returncode, done.stderr) == (0, "")
            made = yaml.safe_load(document.read())
        assert made == yaml.safe_load(SNAPSHOT.read_text())


class TestCelery:
    def test_every_scheduled_task_is_known_and_takes_json_alone(self):
        done = run(
            "-c",
            "from config.celery import app; app.loader.import_default_modules();"
            "tasks = [each['task'] for each in app.conf.beat_schedule.values()];"
            "print(tasks, set(tasks) <= set(app.tasks), app.conf.accept_content,"
            " app.conf.result_backend)",
        )
        assert done.stdout.strip() == (
            "['token_exchange.tasks.purge_expired_tokens', "
            "'token_exchange.tasks.rotate_signing_keys', "
            "'token_exchange.tasks.warn_of_expiring_credentials'] True ['json'] None"
        )
