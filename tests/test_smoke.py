import pytest

from tests.factories import api_key_header, basic_header, make_api_key, make_client_app

pytestmark = pytest.mark.django_db


def test_both_exchanges(https_client):
    key = make_api_key(scopes=["reports:read"])
    answer = https_client.post("/v1/token", headers=api_key_header(key))
    assert answer.json()["scope"] == "reports:read"
    app = make_client_app()
    first = https_client.post("/auth_token", headers=basic_header(app))
    second = https_client.post("/auth_token", headers=basic_header(app))
    assert first.json() == second.json()
