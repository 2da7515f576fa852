"""Revocations reach a second process within the documented time."""

from __future__ import annotations

import time

import pytest

from tests.concurrency.process_pool import crowd
from tests.issuer.revocation_feed import second_process
from tests.issuer.revocation_feed.revocation_paths import WAYS
from tests.issuer.revocation_feed.token_holders import Subject

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

LAST = {name: way for name, way in WAYS.items() if "signing key" in name}
"""These end the tokens of everybody, and so come when all others are dead."""


@pytest.mark.parametrize("max_age_seconds", [1, 0])
def test_every_way_reaches_it_in_time(max_age_seconds, token_exchange_settings, operator):
    token_exchange_settings(REVOCATION_MAX_AGE=max_age_seconds)
    ways = {name: way for name, way in WAYS.items() if name not in LAST}
    subjects = {
        f"{name} of a {kind}": (way, Subject(kind))
        for name, way in ways.items()
        for kind in way.kinds
    }
    tokens = {name: subject.token for name, (_, subject) in subjects.items()}
    ended_at = {}
    with crowd(second_process.watch, tokens, processes=1, threads=1) as running:
        running.signals.await_progress(1)
        for name, (way, subject) in subjects.items():
            way.do(subject, operator)
            ended_at[name] = time.monotonic()
        (accepted_at,) = running.collect()
    assert accepted_at.keys() == tokens.keys()
    late = {name: accepted_at[name] - ended_at[name] for name in tokens}
    assert {name: by for name, by in late.items() if by >= max_age_seconds} == {}


@pytest.mark.parametrize("name", LAST)
def test_so_does_the_end_of_a_signing_key(name, operator):
    subject = Subject("machine")
    with crowd(second_process.watch, {"token": subject.token}, processes=1, threads=1) as running:
        running.signals.await_progress(1)
        LAST[name].do(subject, operator)
        ended_at = time.monotonic()
        (accepted_at,) = running.collect()
    assert accepted_at["token"] - ended_at < 1
