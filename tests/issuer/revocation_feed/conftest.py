"""Fixtures of the revocation tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.admin.conftest import OperatorClient
from tests.issuer.revocation_feed.threads import Other
from tests.issuer.revocation_feed.token_holders import Subject
from tests.support.factories import make_user
from token_exchange.models.cache_invalidation import feed_changed


@pytest.fixture(autouse=True)
def _project(settings: Any) -> None:
    """Every authenticator on views of its own, the admin, and no limit to the tries."""
    settings.ROOT_URLCONF = "tests.issuer.revocation_feed.urls"
    settings.REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
    }
    settings.TOKEN_EXCHANGE = {**settings.TOKEN_EXCHANGE, "RATE_LIMITS": None}


@pytest.fixture
def operator() -> OperatorClient:
    """An operator who may do everything."""
    operator = OperatorClient()
    operator.force_login(make_user(is_staff=True, is_superuser=True))
    return operator


@pytest.fixture
def subject() -> Subject:
    """A machine whose token this process has verified."""
    return Subject("machine", is_remembered=True)


@pytest.fixture
def another() -> Subject:
    """A second one."""
    return Subject("machine", is_remembered=True)


@pytest.fixture
def always_asks(token_exchange_settings: Callable[..., None]) -> None:
    """This process relies on nothing that it knows."""
    token_exchange_settings(REVOCATION_MAX_AGE=0)


@pytest.fixture
def others() -> Iterator[list[Other]]:
    """Two other threads."""
    made = [Other(), Other()]
    yield made
    for other in made:
        other.end()


@pytest.fixture
def elsewhere() -> Callable[[], AbstractContextManager[None]]:
    """Do something as another process would: what this one knows hears nothing of it."""

    @contextmanager
    def in_another_process() -> Iterator[None]:
        receivers, feed_changed.receivers = feed_changed.receivers, []
        try:
            yield
        finally:
            feed_changed.receivers = receivers

    return in_another_process
