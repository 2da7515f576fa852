"""The caller of every operation in openapi.json."""

from __future__ import annotations

import pytest

from tests.views.openapi import Caller


@pytest.fixture
def call(https_client, token_exchange_settings):
    names = ("token", "auth_token", "self_service", "failure", "leak_report")
    token_exchange_settings(RATE_LIMITS=dict.fromkeys(names, "1000/h"))
    return Caller(https_client)
