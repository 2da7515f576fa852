"""HasScope alone, combined, and together with other permission classes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from hypothesis import given
from hypothesis import strategies as st

from tests.authentication.challenges import read_challenges
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_user,
)
from token_exchange.permissions import HasScope
from token_exchange_core.scopes import is_scope_token

DENIED = {
    "error": "access_denied",
    "error_description": "You do not have permission to perform this action.",
}


@pytest.fixture
def get(https_client):
    """Call a view with a token of these scopes, perhaps for a user."""

    def call(path, *scopes, owner=None):
        key = make_api_key(scopes=scopes, owner=owner)
        answer = https_client.post("/v1/token", headers=api_key_header(key))
        return https_client.get(path, headers=bearer_header(answer.json()["access_token"]))

    return call


def assert_insufficient(answer, scope):
    """403 and the scope that is missing (RFC 6750, section 3.1)."""
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "insufficient_scope",
        "error_description": "The request requires higher privileges than provided by the access "
        "token.",
    }
    [(scheme, parameters)] = read_challenges(answer["WWW-Authenticate"])
    assert scheme == "Bearer"
    assert parameters == {
        "realm": "token_exchange",
        "error": "insufficient_scope",
        "scope": scope,
    }


def assert_denied(answer):
    assert answer.status_code == 403
    assert answer.json() == DENIED
    assert "WWW-Authenticate" not in answer


@pytest.mark.django_db
class TestHasScope:
    def test_scope_is_there(self, get):
        assert get("/scope", "read").status_code == 200
        assert get("/scope", "write", "read").status_code == 200

    @pytest.mark.parametrize("scopes", [[], ["write"], ["rea"], ["reader"], ["READ"]])
    def test_scope_is_missing(self, get, scopes):
        assert_insufficient(get("/scope", *scopes), "read")

    def test_all_that_are_named(self, get):
        assert get("/two-scopes", "read", "write").status_code == 200
        assert_insufficient(get("/two-scopes", "read"), "read write")

    def test_and(self, get):
        assert get("/and", "read", "write").status_code == 200
        assert_insufficient(get("/and", "read"), "write")
        assert_insufficient(get("/and"), "read write")

    def test_or(self, get):
        assert get("/or", "read").status_code == 200
        assert get("/or", "write").status_code == 200
        assert_insufficient(get("/or", "other"), "read")

    def test_not(self, get):
        assert get("/not", "read").status_code == 200
        assert_denied(get("/not", "write"))

    def test_nobody_at_all_is_401(self, https_client):
        answer = https_client.get("/scope")
        assert answer.status_code == 401
        assert "insufficient_scope" not in answer["WWW-Authenticate"]

    def test_session_has_no_scope(self, https_client):
        https_client.force_login(make_user(is_superuser=True))
        assert_insufficient(https_client.get("/two-scopes"), "read write")

    def test_credential_itself_has_its_scopes(self, https_client):
        good = basic_header(make_client_app(scopes=["read"]))
        assert https_client.get("/scope", headers=good).status_code == 200
        bad = api_key_header(make_api_key(scopes=["write"]))
        assert_insufficient(https_client.get("/scope", headers=bad), "read")

    def test_scopes_of_a_user_are_his_keys(self, get):
        """Being somebody, even the administrator, is no scope."""
        assert_insufficient(get("/scope", owner=make_user(is_superuser=True)), "read")


@pytest.mark.django_db
class TestBesideOthers:
    def test_machine_is_no_admin(self, get):
        assert_denied(get("/admin-only", "read"))
        assert_denied(get("/scope-and-admin", "read"))

    def test_owner_may_be_one(self, get):
        admin = make_user(is_staff=True)
        assert get("/admin-only", owner=admin).status_code == 200
        assert get("/scope-and-admin", "read", owner=admin).status_code == 200
        assert get("/scope-or-admin", owner=admin).status_code == 200

    def test_or_names_the_scope_that_would_help(self, get):
        assert get("/scope-or-admin", "read").status_code == 200
        assert_insufficient(get("/scope-or-admin"), "read")

    @pytest.mark.parametrize("path", ["/or-then-admin", "/not-then-admin"])
    def test_names_no_scope_that_would_not_help(self, get, path):
        """A scope was missing within what passed; what refused is another permission."""
        assert_denied(get(path, "write"))

    def test_refusal_in_its_own_words_keeps_them(self, get):
        """Also where a scope was missing before, and did not matter."""
        answer = get("/or-closed")
        assert answer.status_code == 403
        assert answer.json() == {"error": "access_denied", "error_description": "This is closed."}
        assert "WWW-Authenticate" not in answer

    def test_machine_has_no_permission_of_djangos(self, get):
        assert_denied(get("/model", "auth.add_group"))

    def test_owner_has_his(self, get, https_client):
        owner = make_user()
        owner.user_permissions.add(Permission.objects.get(codename="add_group"))
        assert get("/model", owner=owner).status_code == 200
        header = api_key_header(make_api_key(owner=owner))
        token = https_client.post("/v1/token", headers=header).json()["access_token"]
        call = {"path": "/model", "headers": bearer_header(token)}
        assert https_client.post(**call).status_code == 200
        assert https_client.delete(**call).status_code == 403

    def test_each_machine_has_a_throttle_of_its_own(self, https_client):
        """Stock throttles count by ``pk``, which would be a user's if it were a row's."""
        user = make_user()
        headers = [api_key_header(make_api_key()) for _ in range(2)]
        headers.append(api_key_header(make_api_key(owner=user)))
        for header in headers:
            statuses = [
                https_client.get("/throttled", headers=header).status_code for _ in range(3)
            ]
            assert statuses == [200, 200, 429]


@pytest.mark.django_db
class TestObjects:
    def test_are_as_the_view_is(self, get):
        assert get("/object", "read").status_code == 200
        assert get("/object-without", "other").status_code == 200
        assert_insufficient(get("/object"), "read")
        assert_denied(get("/object-without", "read"))


class TestMaking:
    def test_needs_a_scope(self):
        with pytest.raises(TypeError, match="name at least one scope"):
            HasScope()

    @given(st.text())
    def test_needs_scopes_that_a_token_can_have(self, text):
        """Two in one string would refuse everybody, and a quote would break the challenge."""
        if is_scope_token(text):
            assert HasScope("read", text).scopes == {"read", text}
        else:
            with pytest.raises(ValueError, match="not a scope"):
                HasScope("read", text)

    def test_stands_where_a_class_does(self):
        permission = HasScope("read")
        assert permission() is permission


class TestWithoutARequestOfOurs:
    """HasScope asked directly, as composed permissions and other authenticators make it asked."""

    class Auth:
        def __init__(self, scopes):
            self.scopes = scopes

    class Request:
        def __init__(self, auth):
            self.auth = auth

    @pytest.mark.parametrize("scopes", ["read a", "a", "", None, ()])
    def test_one_string_of_another_authenticator_grants_nothing(self, scopes):
        request = self.Request(self.Auth(scopes) if scopes is not None else None)
        assert HasScope("a").has_permission(request, None) is False

    @pytest.mark.parametrize(("granted", "is_allowed"), [(["a"], False), (["b"], True)])
    def test_not_means_the_same_for_an_object(self, granted, is_allowed):
        request, permission = self.Request(self.Auth(granted)), (~HasScope("a"))()
        assert permission.has_permission(request, None) is is_allowed
        assert permission.has_object_permission(request, None, object()) is is_allowed
