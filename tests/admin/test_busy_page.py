"""A lock that cannot be had in time: a page with 503, and nothing is changed."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from tests.support.admin_urls import credential_url
from tests.support.factories import make_api_key
from token_exchange.models import AuditEvent, Credential

pytestmark = pytest.mark.django_db


def give_up_waiting_for_the_feed(execute, sql, *arguments):
    if sql.startswith("UPDATE") and "revocationfeed" in sql:
        raise OperationalError("canceling statement due to lock timeout")
    return execute(sql, *arguments)


@pytest.mark.parametrize("action", ["revoke", "rotate_compromised"])
def test_action_answers_503(operator, action, caplog):
    key = make_api_key().credential
    before = [list(model.objects.values()) for model in (Credential, AuditEvent)]
    with connection.execute_wrapper(give_up_waiting_for_the_feed):
        answer = operator.send(credential_url(key, action), confirmed="yes")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "no-store" in answer["Cache-Control"]
    assert "nothing was changed" in answer.text
    assert [list(model.objects.values()) for model in (Credential, AuditEvent)] == before
    [logged] = [each for each in caplog.records if getattr(each, "event", "") == "admin.failed"]
    assert logged.exc_info


def test_list_answers_503(operator):
    def fail(execute, sql, *arguments):
        if "token_exchange_credential" in sql:
            raise OperationalError("canceling statement due to lock timeout")
        return execute(sql, *arguments)

    make_api_key()
    with connection.execute_wrapper(fail):
        answer = operator.get("/admin/token_exchange/apikey/")
    assert answer.status_code == 503
