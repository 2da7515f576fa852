"""Fixtures of the rate limit tests: small limits, a frozen clock and both endpoints."""

from __future__ import annotations

import pytest
import time_machine

from tests.views.rate_limits.endpoint import Endpoint


@pytest.fixture
def limits(token_exchange_settings):
    """Allow three exchanges and two refusals per ten seconds, on a frozen clock."""
    with time_machine.travel("2030-01-01T12:00:00+00:00", tick=False) as clock:
        rates = {"token": "3/10s", "auth_token": "3/10s", "failure": "2/10s"}
        token_exchange_settings(RATE_LIMITS=rates)
        yield clock


@pytest.fixture(params=["/v1/token", "/auth_token"])
def endpoint(request, https_client):
    return Endpoint(request.param, https_client)
