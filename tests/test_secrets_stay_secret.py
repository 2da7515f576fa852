"""Secrets: after every flow has run, none is left where somebody could find it."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.views.debug import ExceptionReporter

from tests.admin.conftest import OperatorClient
from tests.secrecy.flows import Run
from tests.secrecy.storage_search import Secrets, database_dump
from tests.support.cache_contents import cache_contents
from tests.support.factories import make_user
from token_exchange import conf
from token_exchange_core.authorization import parse_authorization, parse_basic
from token_exchange_core.secret_strings import make_secret

PASSWORD = "a-password-of-the-operator"
ENCRYPTION_KEY = "the-key-that-encrypts-the-signing-keys-0"


@pytest.fixture
def run(transactional_db, https_client, settings, token_exchange_settings):
    """The run, ready to start."""
    token_exchange_settings(RATE_LIMITS=None, SIGNING_KEY_ENCRYPTION_KEYS=[ENCRYPTION_KEY])
    operator = OperatorClient()
    operator.user = make_user(is_staff=True, is_superuser=True, password=PASSWORD)
    run = Run(https_client, operator, token_exchange_settings)
    run.secrets.add(settings.SECRET_KEY, "SECRET_KEY")
    run.secrets.add(ENCRYPTION_KEY, "SIGNING_KEY_ENCRYPTION_KEYS")
    run.secrets.add(PASSWORD, "a password")
    form = {"username": operator.user.username, "password": PASSWORD}
    run.see(operator.post("/admin/login/", form))
    run.objects += [conf.get_settings(), conf.read_settings()]
    return run


@pytest.fixture
def log(caplog):
    """Every record of every logger, SQL included."""
    connection.force_debug_cursor = True
    caplog.set_level(logging.DEBUG)
    yield caplog
    connection.force_debug_cursor = False


def reports(error: BaseException | None, request: Any = None) -> list[str]:
    """What Django mails to the admins, as text and as HTML."""
    kind = type(error) if error else None
    traceback = error.__traceback__ if error else None
    reporter = ExceptionReporter(request, kind, error, traceback)
    return [reporter.get_traceback_text(), reporter.get_traceback_html()]


def request_of(record: logging.LogRecord) -> Any:
    request = getattr(record, "request", None)
    return request if getattr(request, "method", "") == "POST" else None


def texts_of(record: logging.LogRecord) -> list[str]:
    return [logging.Formatter().format(record), repr(record.__dict__)]


def whole(response: HttpResponse) -> str:
    """All headers with all cookies."""
    return f"{dict(response.items())!r} {response.cookies.output()}"


def findings(secrets: Secrets, log: Any) -> list[str]:
    """What anybody finds in the database, the cache and the log."""
    found = []
    for table, rows in database_dump().items():
        found += secrets.found_in(table, rows)
    found += secrets.found_in("the cache", [*cache_contents(), *cache_contents().values()])
    for record in log.records:
        found += secrets.found_in("the log", texts_of(record))
    return found


def failures(run: Run, log: Any) -> list[str]:
    """What is mailed of all that failed."""
    reported = run.errors + [record.exc_info[1] for record in log.records if record.exc_info]
    assert len(reported) >= 10
    requests = {id(each): each for each in map(request_of, log.records) if each is not None}
    assert len(requests) > 10
    texts = [text for error in reported for text in reports(error)]
    return texts + [text for request in requests.values() for text in reports(None, request)]


def test_nothing_is_found_anywhere(log, run):
    run.everything()
    secrets = run.secrets
    assert len(secrets.forms) > 150
    assert findings(secrets, log) == []
    assert secrets.found_in("the headers", map(whole, run.answers)) == []
    assert secrets.found_in("a body that hands out nothing", run.bodies) == []
    jars = [run.operator.cookies.output(), run.client.cookies.output()]
    assert secrets.found_in("a cookie", jars) == []
    shown = [*map(repr, run.objects), *map(str, run.objects)]
    assert secrets.found_in("an object's text", shown) == []
    assert secrets.found_in("a report", failures(run, log)) == []


class TestObjects:
    """What holds a secret does not show it."""

    def test_by_their_text(self):
        secrets = Secrets()
        secret = make_secret("sk_live.0123456789AB")
        secrets.add(secret.raw_secret, "a secret")
        pair = base64.b64encode(f"ci_live.x:{secret.raw_secret}".encode()).decode()
        header = parse_authorization(f"Basic {pair}")
        secrets.add(pair, "a header")
        objects = [secret, header, parse_basic(header.parameter)]
        assert secrets.found_in("an object", [f"{each!r} {each}" for each in objects]) == []


SECRET = make_secret("sk_live.0123456789AB").raw_secret


def plant_in_row(secret: str) -> None:
    make_user(last_name=f"x {secret} y")


def plant_in_session(secret: str) -> None:
    session = SessionStore()
    session["new"] = {"secret": secret, "padding": "x" * 2000}
    session.save()


def plant_in_cache(secret: str) -> None:
    cache.set("x", {"secret": [secret]})


def plant_in_log(secret: str) -> None:
    logging.getLogger("any").debug("made %s", secret)


def plant_in_extra(secret: str) -> None:
    logging.getLogger("any").debug("made", extra={"made": secret})


def plant_in_traceback(secret: str) -> None:
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("any").exception("failed")


class TestTheSearchFinds:
    """Each place is searched for real: what is planted there is found."""

    @pytest.fixture
    def secrets(self):
        secrets = Secrets()
        secrets.add(SECRET, "planted")
        return secrets

    @pytest.mark.parametrize(
        "plant",
        [
            *(plant_in_row, plant_in_session, plant_in_cache),
            *(plant_in_log, plant_in_extra, plant_in_traceback),
        ],
    )
    @pytest.mark.parametrize("form", ["whole", "tail", "base64"])
    @pytest.mark.django_db
    def test_what_is_planted(self, log, secrets, plant, form):
        forms = {
            "whole": SECRET,
            "tail": SECRET[-49:],
            "base64": base64.b64encode(SECRET.encode()).decode(),
        }
        assert findings(secrets, log) == []
        plant(forms[form])
        assert {finding.split()[0] for finding in findings(secrets, log)} == {"planted"}

    @pytest.mark.parametrize("length", [1, 2000])
    def test_the_messages_cookie(self, secrets, rf, length):
        request, response = rf.get("/"), HttpResponse()
        storage = CookieStorage(request)
        storage.add(messages.INFO, f"{'x' * length} {SECRET}")
        storage.update(response)
        assert secrets.found_in("a cookie", [whole(response)]) == ["planted in a cookie"]

    def test_a_report(self, secrets):
        def fail(argument):
            raise ValueError

        with pytest.raises(ValueError) as caught:  # noqa: PT011 - any will do
            fail(SECRET)
        assert secrets.found_in("a report", reports(caught.value)) == ["planted in a report"]

    def test_bytes(self):
        secrets = Secrets()
        private = bytes(range(200, 256))
        secrets.add_bytes(private, "a key")
        forms = [private.hex(), repr(private), base64.urlsafe_b64encode(private).decode()]
        assert [secrets.found_in("x", [form]) for form in forms] == [["a key in x"]] * 3
