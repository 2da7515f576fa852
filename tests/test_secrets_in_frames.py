"""Secrets: no stack frame holds one while a query runs, or when something has failed."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.urls import NoReverseMatch

from tests.admin.conftest import OperatorClient
from tests.secrecy.flows import LEAKS, Run, Whoami
from tests.secrecy.frames import LiveFrames, frames_of, secrets_in, secrets_in_text
from tests.self_service.conftest import PAGES, Visitor
from tests.self_service.members import make_member
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import (
    api_key_header,
    basic_header,
    make_api_key,
    make_client_app,
    make_organization,
    make_user,
)
from token_exchange.issuer.signing_keys.encryption import UnreadablePrivateKey, decrypt
from token_exchange.models import SigningKey
from token_exchange_core.secret_strings import make_secret
from token_exchange_core.secret_text import SecretText

RAW = make_secret("sk_live.0123456789AB").raw_secret


@pytest.fixture
def run(transactional_db, https_client, token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)
    operator = OperatorClient()
    operator.user = make_user(is_staff=True, is_superuser=True, password="a password")
    operator.force_login(operator.user)
    return Run(https_client, operator, token_exchange_settings)


def test_no_frame_holds_a_secret_while_a_query_runs(run):
    live = LiveFrames()
    with connection.execute_wrapper(live):
        run.everything()
    assert sorted(live.found) == []
    assert {
        "token_exchange.issuer.credentials.client_authentication",
        "token_exchange.issuer.credentials.issuance",
        "token_exchange.issuer.credentials.rotation",
        "token_exchange.issuer.leaked_secrets",
        "token_exchange.issuer.authentication",
        "token_exchange.issuer.tokens.verification",
        "token_exchange.admin.credentials.rotate_page",
        "token_exchange.views.auth_token",
        "token_exchange.views.self_service.pages",
        "token_exchange.management.issue_command",
    } <= live.inspected


def test_no_traceback_holds_a_secret(caplog, run):
    caplog.set_level(logging.DEBUG)
    run.everything()
    errors = run.errors + [each.exc_info[1] for each in caplog.records if each.exc_info]
    frames = [frame for error in errors for frame in frames_of(error)]
    assert len(errors) > 20
    assert sorted({place for frame in frames for place in secrets_in(frame)}) == []


class TestFailingDatabase:
    """Each statement of each exchange fails in turn, also where the project handles the error."""

    @pytest.fixture(autouse=True)
    def _no_limits(self, transactional_db, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS=None)

    def refuse_at(self, number):
        left = [number]

        def execute(run, *arguments):
            left[0] -= 1
            if left[0] == -1:
                raise OperationalError("the database went away")
            return run(*arguments)

        return connection.execute_wrapper(execute)

    def check(self, caplog, send):
        statuses = []
        for number in range(8):
            with self.refuse_at(number):
                statuses.append(send().status_code)
        errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
        frames = [frame for error in errors for frame in frames_of(error)]
        assert 503 in statuses
        assert errors
        assert {place for frame in frames for place in secrets_in(frame)} == set()

    def test_exchange_of_an_api_key(self, https_client, caplog):
        headers = api_key_header(make_api_key())
        self.check(caplog, lambda: https_client.post("/v1/token", headers=headers))

    @pytest.mark.parametrize("method", ["post", "delete"])
    def test_exchange_of_a_client_app(self, https_client, caplog, method):
        headers = basic_header(make_client_app())
        send = getattr(https_client, method)
        self.check(caplog, lambda: send("/auth_token", headers=headers))

    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_report_of_a_leak(self, https_client, caplog, make):
        body = json.dumps([make().raw_secret])
        self.check(caplog, lambda: https_client.post(LEAKS, body, content_type="application/json"))

    def test_bearer_token_that_manages_keys(self, https_client, caplog, token_exchange_settings):
        token_exchange_settings(REVOCATION_MAX_AGE=0)
        member = make_member(https_client)
        token = member.token()
        self.check(caplog, lambda: member.call("POST", token=token, label="laptop"))

    @pytest.mark.parametrize(
        ("make", "header"), [(make_api_key, api_key_header), (make_client_app, basic_header)]
    )
    def test_credential_sent_directly(self, rf, make, header):
        headers = header(make(owner=make_user()) if make is make_api_key else make())
        raised = []

        class View(Whoami):
            def handle_exception(self, exc):
                raised.append(exc)
                return super().handle_exception(exc)

        with self.refuse_at(0):
            answer = View.as_view()(rf.get("/", secure=True, headers=headers))
        assert answer.status_code == 503
        frames = [frame for error in raised for frame in frames_of(error)]
        assert len(frames) > 3
        assert {place for frame in frames for place in secrets_in(frame)} == set()


class TestRefusal:
    """A refusal is raised where the secret was parsed; what is raised later remembers it."""

    @pytest.mark.parametrize("scheme", ["ApiKey {}x", "ApiKey {}, x", "Bearer {}", "Basic {}"])
    def test_of_a_drf_view_leads_to_no_frame(self, db, rf, scheme):
        raised = []

        class View(Whoami):
            def handle_exception(self, exc):
                raised.append(exc)
                return super().handle_exception(exc)

        headers = {"authorization": scheme.format(RAW)}
        View.as_view()(rf.get("/", secure=True, headers=headers))
        (error,) = raised
        assert {place for frame in frames_of(error) for place in secrets_in(frame)} == set()

    def test_of_an_endpoint_leads_to_no_frame(self, db, https_client, monkeypatch, caplog):
        """The cache's own error is raised while the refusal is handled."""
        raised = []

        def break_down(*_arguments, **_options):
            raised.append(RuntimeError("the cache went away"))
            raise raised[-1]

        monkeypatch.setattr("django.core.cache.cache.add", break_down)
        answer = https_client.post("/v1/token", headers={"authorization": f"ApiKey {RAW}x"})
        assert answer.status_code == 401
        (error,) = raised
        assert {place for frame in frames_of(error) for place in secrets_in(frame)} == set()


class TestCommand:
    @pytest.mark.parametrize("json", [False, True])
    def test_pipe_that_breaks_leads_to_no_frame(self, db, json):
        class Pipe(StringIO):
            def write(self, text):
                raise BrokenPipeError

        organization = make_organization().slug
        with pytest.raises(BrokenPipeError) as caught:
            call_command(
                "create_api_key", organization=organization, name="x", json=json, stdout=Pipe()
            )
        assert [place for each in frames_of(caught.value) for place in secrets_in(each)] == []


class TestSigningKey:
    def test_key_that_cannot_be_parsed_leads_to_no_frame(self, db):
        row = SigningKey.objects.get()
        private = decrypt(row).private_bytes()
        row.algorithm = "RS256"
        with pytest.raises(UnreadablePrivateKey) as caught:
            decrypt(row)
        held = [value for each in frames_of(caught.value) for value in each.f_locals.values()]
        assert held
        assert private not in held


BROKEN = {
    "token_exchange/admin/show_once.html": (
        "{% for secret in secrets %}{% for label, value in secret.parts %}{{ value }}"
        "{{ secret.curl }}{{ secret.python }}{% endfor %}{% url 'nowhere' %}{% endfor %}"
    ),
    "token_exchange/self_service/show_once.html": (
        "{% for x in 'ab' %}{{ secret }}{{ curl }}{% if x == 'b' %}{% url 'nowhere' %}{% endif %}"
        "{% endfor %}"
    ),
}


class TestTemplateThatFails:
    """A project's own template fails after it has printed the secret."""

    @pytest.fixture(autouse=True)
    def _broken_templates(self, settings, transactional_db):
        loaders = [
            ("django.template.loaders.locmem.Loader", BROKEN),
            "django.template.loaders.app_directories.Loader",
        ]
        (engine,) = settings.TEMPLATES
        options = {**engine["OPTIONS"], "loaders": loaders}
        settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]

    def check(self, send):
        with pytest.raises(NoReverseMatch) as caught:
            send()
        # Of all modules, Django's engine included.
        shown = [
            f"{frame.f_globals['__name__']}: {name}"
            for frame in (each.frame.raw for each in caught.traceback)
            for name, value in frame.f_locals.items()
            if secrets_in_text(repr(value))
        ]
        assert shown == []

    def test_in_the_admin(self, operator_client):
        values = {"organization": make_organization().pk, "name": "Nightly"}
        self.check(lambda: operator_client.send(admin_url("apikey", "add"), **values))
        url = credential_url(make_client_app().credential, "rotate")
        self.check(lambda: operator_client.send(url, overlap="3600"))

    @pytest.fixture
    def operator_client(self):
        operator = OperatorClient()
        operator.user = make_user(is_staff=True, is_superuser=True)
        operator.force_login(operator.user)
        return operator

    def test_in_self_service(self, entitlement):
        visitor = Visitor(entitlement, user=make_user())
        form = {**visitor.fill_in("new/"), "label": "phone", "expiry": "30"}
        self.check(lambda: visitor.client.post(f"{PAGES}new/", form))


class TestTheSearchFinds:
    """The instruments see what they look for."""

    def frame_of(self, value):
        def fail(held):
            raise ValueError

        with pytest.raises(ValueError) as caught:  # noqa: PT011 - any will do
            fail(value)
        return caught.traceback[-1].frame.raw

    @pytest.mark.parametrize("hold", [str, list, lambda raw: {"x": (raw,)}, "Basic {}".format])
    def test_secret_in_a_variable(self, hold):
        value = hold([RAW]) if hold is list else hold(RAW)
        (place,) = secrets_in(self.frame_of(value))
        assert place.endswith("fail: held")

    def test_pair_in_base64(self):
        (encoded,) = {basic_header(_Issued())["authorization"].split()[1]}
        assert secrets_in(self.frame_of(encoded))

    def test_nothing_else(self):
        for value in ("x", SecretText(RAW), RAW.rpartition(".")[0]):
            assert secrets_in(self.frame_of(value)) == []


class _Issued:
    class credential:  # noqa: N801
        identifier = "ci_live.x"

    raw_secret = RAW
