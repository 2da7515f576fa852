"""Each page of ours in the admin, for each kind of user, by each method: a new one must be here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from tests.admin import matrix
from tests.admin.forms import buttons_that_post
from tests.admin.tenants import everything, text_of

pytestmark = pytest.mark.django_db

# What a GET and an empty POST answer: 404 and 302 (to the index, with a message) is what a row that
# does not exist gets, 405 what may only be posted.
EXPECTED = """
                         auditor  operator limited  foreign  superuser
organization_changelist  200/200  200/200  200/200  200/200  200/200
organization_add         403/403  200/200  403/403  403/403  200/200
organization_history     200/200  200/200  200/200  302/302  200/200
organization_delete      403/403  200/200  403/403  403/403  200/200
organization_change      200/403  200/200  200/200  302/302  200/200
apikey_rotate            403/403  200/200  403/403  404/404  200/200
apikey_end_overlap       403/403  405/302  405/302  404/404  405/302
apikey_compromise        403/403  200/200  403/403  404/404  200/200
apikey_revoke            403/403  200/200  200/200  404/404  200/200
apikey_changelist        200/200  200/200  200/200  200/200  200/200
apikey_add               403/403  200/200  200/200  200/200  200/200
apikey_history           200/200  200/200  200/200  302/302  200/200
apikey_delete            403/403  403/403  403/403  403/403  403/403
apikey_change            200/403  200/200  200/200  302/302  200/200
clientapp_rotate         403/403  200/200  200/200  404/404  200/200
clientapp_end_overlap    403/403  405/302  405/302  404/404  405/302
clientapp_compromise     403/403  200/200  200/200  404/404  200/200
clientapp_revoke         403/403  200/200  200/200  404/404  200/200
clientapp_changelist     200/200  200/200  200/200  200/200  200/200
clientapp_add            403/403  200/200  200/200  200/200  200/200
clientapp_history        200/200  200/200  200/200  302/302  200/200
clientapp_delete         403/403  403/403  403/403  403/403  403/403
clientapp_change         200/403  200/200  200/200  302/302  200/200
accesstoken_revoke       403/403  200/200  200/200  404/404  200/200
accesstoken_changelist   200/200  200/200  200/200  200/200  200/200
accesstoken_add          403/403  403/403  403/403  403/403  403/403
accesstoken_history      200/200  200/200  200/200  302/302  200/200
accesstoken_delete       403/403  403/403  403/403  403/403  403/403
accesstoken_change       200/403  200/403  200/403  302/302  200/403
signingkey_rotate        403/403  200/302  403/403  403/403  200/302
signingkey_remove        403/403  200/200  403/403  403/403  200/200
signingkey_changelist    200/200  200/200  403/403  403/403  200/200
signingkey_add           403/403  403/403  403/403  403/403  403/403
signingkey_history       200/200  200/200  302/302  302/302  200/200
signingkey_delete        403/403  403/403  403/403  403/403  403/403
signingkey_change        200/403  200/403  403/403  403/403  200/403
auditevent_changelist    200/200  200/200  200/200  200/200  200/200
auditevent_export        200/200  200/200  200/200  200/200  200/200
auditevent_add           403/403  403/403  403/403  403/403  403/403
auditevent_history       200/200  200/200  200/200  302/302  200/200
auditevent_delete        403/403  403/403  403/403  403/403  403/403
auditevent_change        200/403  200/403  200/403  302/302  200/403
dashboard_changelist     200/405  200/405  200/405  200/405  200/405
"""
HEAD, *LINES = EXPECTED.strip("\n").splitlines()
TABLE = {
    f"{matrix.APP}_{line.split()[0]}": dict(zip(HEAD.split(), line.split()[1:], strict=True))
    for line in LINES
}
every_page = pytest.mark.parametrize("name", TABLE)


@pytest.fixture
def sides(own, foreign, token_exchange_settings):
    token_exchange_settings(OPERATOR_ORGANIZATIONS="tests.admin.operators.by_role")
    return {"own": matrix.complete(own), "foreign": matrix.complete(foreign)}


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


def test_no_page_is_missing():
    assert set(TABLE) == set(matrix.all_pages())


@every_page
def test_answers_as_the_table_says(sides, name):
    answers = {}
    for role, (sign_in, side) in matrix.ROLES.items():
        answers[role] = []
        for method in ("get", "post"):
            with undone():
                response = getattr(sign_in(), method)(matrix.url_of(name, sides[side]))
                answers[role].append(str(response.status_code))
    assert {role: "/".join(codes) for role, codes in answers.items()} == TABLE[name]


@every_page
@pytest.mark.parametrize("method", ["get", "post"])
def test_is_for_nobody_who_is_not_signed_in_to_the_staff(sides, name, method):
    before = everything()
    for sign_in in matrix.SHUT_OUT.values():
        response = getattr(sign_in(), method)(matrix.url_of(name, sides["own"]), {"confirmed": "y"})
        assert response.url.startswith("/admin/login/")
    assert everything() == before


@every_page
@pytest.mark.parametrize("method", ["get", "post"])
def test_is_for_nobody_of_the_staff_without_a_permission(sides, name, method):
    before = everything()
    url = matrix.url_of(name, sides["own"])
    response = getattr(matrix.staff(), method)(url, {"confirmed": "y"})
    assert response.status_code == 403
    assert everything() == before


@every_page
def test_takes_no_post_without_a_csrf_token(sides, name):
    before = everything()
    for sign_in, side in matrix.ROLES.values():
        with undone():
            desk = sign_in()
            desk.handler.enforce_csrf_checks = True
            url = matrix.url_of(name, sides[side])
            values = {"confirmed": "yes", "post": "yes", "action": "revoke_selected"}
            values |= {"_selected_action": 1, "overlap": "compromised"}
            assert desk.post(url, values).status_code == 403
            assert everything() == before


@every_page
def test_gives_an_auditor_nothing_to_press(sides, name):
    text = text_of(matrix.auditor().get(matrix.url_of(name, sides["own"])))
    assert buttons_that_post(text) == []
    assert 'name="action"' not in text
    for verb in ("rotate", "revoke", "remove", "end_overlap", "add", "delete", "compromise"):
        assert f"/{verb}/" not in text


@every_page
def test_changes_nothing_that_an_auditor_posts(sides, name):
    before, desk = everything(), matrix.auditor()
    url, pks = matrix.url_of(name, sides["own"]), [row.pk for row in sides["own"].values()]
    values = {"confirmed": "yes", "post": "yes", "name": "x", "overlap": "compromised"}
    desk.post(url, values)
    for action in ("rotate_selected", "revoke_selected", "delete_selected"):
        desk.post(url, {**values, "action": action, "_selected_action": pks})
    assert everything() == before
