"""The status of each admin page for each kind of user and method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from tests.admin import page_inventory
from tests.admin.forms import buttons_that_post
from tests.admin.tenant_rows import everything, text_of

pytestmark = pytest.mark.django_db

# What a GET and an empty POST answer: 404 and 302 (to the index, with a message) is what a row that
# does not exist gets, 405 what may only be posted. Of what nobody may change, one Django looks for
# the row first, and another for the permission: "no" is either.
EXPECTED = """
                              auditor  operator limited  foreign  superuser
organization_changelist       200/200  200/200  200/200  200/200  200/200
organization_add              403/403  200/200  403/403  403/403  200/200
organization_history          200/200  200/200  200/200  302/302  200/200
organization_delete           403/403  200/200  403/403  403/403  200/200
organization_change           200/403  200/200  200/200  302/302  200/200
apikey_rotate                 403/403  200/200  403/403  404/404  200/200
apikey_end_overlap            403/403  405/302  405/302  404/404  405/302
apikey_rotate_compromised     403/403  200/200  403/403  404/404  200/200
apikey_revoke                 403/403  200/200  200/200  404/404  200/200
apikey_changelist             200/200  200/200  200/200  200/200  200/200
apikey_add                    403/403  200/200  200/200  200/200  200/200
apikey_history                200/200  200/200  200/200  302/302  200/200
apikey_delete                 403/403  403/403  403/403  403/403  403/403
apikey_change                 200/403  200/200  200/200  302/302  200/200
clientapp_rotate              403/403  200/200  200/200  404/404  200/200
clientapp_end_overlap         403/403  405/302  405/302  404/404  405/302
clientapp_rotate_compromised  403/403  200/200  200/200  404/404  200/200
clientapp_revoke              403/403  200/200  200/200  404/404  200/200
clientapp_changelist          200/200  200/200  200/200  200/200  200/200
clientapp_add                 403/403  200/200  200/200  200/200  200/200
clientapp_history             200/200  200/200  200/200  302/302  200/200
clientapp_delete              403/403  403/403  403/403  403/403  403/403
clientapp_change              200/403  200/200  200/200  302/302  200/200
accesstoken_revoke            403/403  200/200  200/200  404/404  200/200
accesstoken_changelist        200/200  200/200  200/200  200/200  200/200
accesstoken_add               403/403  403/403  403/403  403/403  403/403
accesstoken_history           200/200  200/200  200/200  302/302  200/200
accesstoken_delete            403/403  403/403  403/403  403/403  403/403
accesstoken_change            200/403  200/403  200/403  302/no   200/403
signingkey_rotate             403/403  200/302  403/403  403/403  200/302
signingkey_remove             403/403  200/200  403/403  403/403  200/200
signingkey_changelist         200/200  200/200  403/403  403/403  200/200
signingkey_add                403/403  403/403  403/403  403/403  403/403
signingkey_history            200/200  200/200  302/302  302/302  200/200
signingkey_delete             403/403  403/403  403/403  403/403  403/403
signingkey_change             200/403  200/403  403/403  403/403  200/403
auditevent_changelist         200/200  200/200  200/200  200/200  200/200
auditevent_export             200/200  200/200  200/200  200/200  200/200
auditevent_add                403/403  403/403  403/403  403/403  403/403
auditevent_history            200/200  200/200  200/200  302/302  200/200
auditevent_delete             403/403  403/403  403/403  403/403  403/403
auditevent_change             200/403  200/403  200/403  302/no   200/403
dashboard_changelist          200/405  200/405  200/405  200/405  200/405
"""
HEAD, *LINES = EXPECTED.strip("\n").splitlines()
TABLE = {
    f"{page_inventory.APP}_{line.split()[0]}": dict(
        zip(HEAD.split(), line.split()[1:], strict=True)
    )
    for line in LINES
}


@pytest.fixture
def sides(own, foreign, token_exchange_settings):
    token_exchange_settings(OPERATOR_ORGANIZATIONS="tests.admin.operators.by_role")
    return {"own": page_inventory.complete(own), "foreign": page_inventory.complete(foreign)}


class Undo(Exception):
    """Takes back what a request did, so that the next one finds the same."""


@contextmanager
def undone() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise Undo
    except Undo:
        pass


def test_table_lists_every_page():
    assert set(TABLE) == set(page_inventory.all_pages())


# One test for all pages: to make the rows takes longer than to ask for a page.
@pytest.mark.parametrize("role", page_inventory.ROLES)
def test_pages_answer_with_the_expected_status(sides, role):
    sign_in, side = page_inventory.ROLES[role]
    operator, answers = sign_in(), {}
    for name in TABLE:
        for method in ("get", "post"):
            with undone():
                response = getattr(operator, method)(page_inventory.url_of(name, sides[side]))
                answers.setdefault(name, []).append(str(response.status_code))
    expected = {name: line[role] for name, line in TABLE.items()}
    for name, codes in answers.items():
        if expected[name].endswith("/no") and codes[1] in {"302", "403"}:
            codes[1] = "no"
    assert {name: "/".join(codes) for name, codes in answers.items()} == expected


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("role", page_inventory.SHUT_OUT)
def test_pages_need_a_signed_in_staff_user(sides, role, method):
    before, operator = everything(), page_inventory.SHUT_OUT[role]()
    for name in TABLE:
        response = getattr(operator, method)(
            page_inventory.url_of(name, sides["own"]), {"confirmed": "y"}
        )
        assert response.url.startswith("/admin/login/"), name
    assert everything() == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_pages_need_a_permission(sides, method):
    before, operator = everything(), page_inventory.staff()
    for name in TABLE:
        response = getattr(operator, method)(
            page_inventory.url_of(name, sides["own"]), {"confirmed": "y"}
        )
        assert response.status_code == 403, name
    assert everything() == before


@pytest.mark.parametrize("role", page_inventory.ROLES)
def test_post_without_a_csrf_token_is_refused(sides, role):
    sign_in, side = page_inventory.ROLES[role]
    operator, before = sign_in(), everything()
    operator.handler.enforce_csrf_checks = True
    values = {"confirmed": "yes", "post": "yes", "action": "revoke_selected"}
    values |= {"_selected_action": 1, "overlap": "compromised"}
    for name in TABLE:
        response = operator.post(page_inventory.url_of(name, sides[side]), values)
        assert response.status_code == 403, name
    assert everything() == before


def test_auditor_sees_no_button(sides):
    operator = page_inventory.auditor()
    verbs = "rotate|revoke|remove|end_overlap|add|delete|rotate_compromised"
    for name in TABLE:
        text = text_of(operator.get(page_inventory.url_of(name, sides["own"])))
        assert buttons_that_post(text) == [], name
        assert 'name="action"' not in text, name
        assert re.findall(f"/({verbs})/", text) == [], name


def test_posts_of_an_auditor_change_nothing(sides):
    before, operator = everything(), page_inventory.auditor()
    pks = [row.pk for row in sides["own"].values()]
    values = {"confirmed": "yes", "post": "yes", "name": "x", "overlap": "compromised"}
    for name in TABLE:
        url = page_inventory.url_of(name, sides["own"])
        operator.post(url, values)
        for action in ("rotate_selected", "revoke_selected", "delete_selected"):
            operator.post(url, {**values, "action": action, "_selected_action": pks})
    assert everything() == before
