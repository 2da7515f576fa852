"""Rate limits of exchanges and refusals, and their response fields."""

from __future__ import annotations

from itertools import pairwise

import pytest
import time_machine

from tests.http.client import assert_refused
from tests.support.factories import basic_header, make_token
from tests.views.rate_limits.endpoint import Endpoint, fields, statuses
from token_exchange.models import AccessToken

pytestmark = pytest.mark.django_db

NOW = "2030-01-01T12:00:00+00:00"
REDIS_BACKEND = "django.core.cache.backends.redis.RedisCache"


@pytest.mark.usefixtures("limits")
class TestSuccess:
    def test_counts_once_by_credential(self, endpoint):
        answers = [endpoint.post() for _ in range(4)]
        assert statuses(answers) == [200, 200, 200, 429]
        assert [fields(answer)[1]["r"] for answer in answers] == [2, 1, 0, 0]

    def test_each_endpoint_counts_separately(self, https_client):
        for path in ("/v1/token", "/auth_token"):
            endpoint = Endpoint(path, https_client)
            assert statuses(endpoint.post() for _ in range(3)) == [200, 200, 200]

    def test_another_credential_at_the_same_address_is_counted_separately(self, endpoint):
        assert statuses(endpoint.post() for _ in range(4)) == [200, 200, 200, 429]
        assert endpoint.post(endpoint.make()).status_code == 200

    def test_another_address_of_the_same_credential_is_counted_together(self, endpoint):
        addresses = [f"192.0.2.{number}" for number in range(4)]
        answers = [endpoint.post(REMOTE_ADDR=address) for address in addresses]
        assert statuses(answers) == [200, 200, 200, 429]

    def test_a_malformed_request_of_a_good_credential_counts_too(self, endpoint):
        answers = [endpoint.post(data="[", content_type="application/json") for _ in range(4)]
        assert statuses(answers) == [400, 400, 400, 429]

    def test_delete_counts_against_the_same_limit(self, https_client):
        endpoint = Endpoint("/auth_token", https_client)
        headers = basic_header(endpoint.issued)
        make_token(endpoint.issued.credential)
        answers = [https_client.delete("/auth_token", headers=headers) for _ in range(2)]
        answers += [endpoint.post(), https_client.delete("/auth_token", headers=headers)]
        assert statuses(answers) == [200, 200, 200, 429]
        endpoint.issued.credential.refresh_from_db()
        assert endpoint.issued.credential.generation == 2

    def test_over_the_rate_no_token_is_issued(self, endpoint):
        for _ in range(3):
            endpoint.post()
        before = AccessToken.objects.count()
        endpoint.post()
        assert AccessToken.objects.count() == before


@pytest.mark.usefixtures("limits")
class TestFailure:
    def test_counts_by_address(self, endpoint):
        assert statuses(endpoint.fail() for _ in range(4)) == [401, 401, 429, 429]

    def test_is_counted_at_both_endpoints_together(self, https_client):
        one, other = (Endpoint(path, https_client) for path in ("/v1/token", "/auth_token"))
        assert statuses([one.fail(), other.fail(), one.fail()]) == [401, 401, 429]

    @pytest.mark.parametrize("header", [None, "Bearer x", "ApiKey x", "Basic x", "ApiKey"])
    def test_of_every_kind_counts(self, https_client, endpoint, header):
        headers = {} if header is None else {"authorization": header}
        answers = [https_client.post(endpoint.path, headers=headers) for _ in range(3)]
        assert statuses(answers) == [401, 401, 429]

    def test_over_the_limit_a_good_credential_still_passes(self, endpoint):
        for _ in range(5):
            endpoint.fail()
        assert endpoint.fail().status_code == 429
        assert endpoint.post().status_code == 200

    def test_knowing_the_public_id_locks_no_client_out(self, endpoint):
        for number in range(20):
            endpoint.fail(REMOTE_ADDR=f"198.51.100.{number}")
        answers = [endpoint.post() for _ in range(3)]
        assert statuses(answers) == [200, 200, 200]

    def test_a_success_does_not_count_as_a_failure(self, endpoint):
        for _ in range(4):
            endpoint.post()
        assert endpoint.fail().status_code == 401

    def test_an_ipv4_address_counts_separately(self, endpoint):
        answers = [endpoint.fail(REMOTE_ADDR=f"192.0.2.{number}") for number in range(4)]
        assert statuses(answers) == [401, 401, 401, 401]

    def test_an_ipv6_network_of_64_bits_counts_as_one(self, endpoint):
        addresses = [f"2001:db8:0:1::{number}" for number in range(3)] + ["2001:db8:0:2::1"]
        answers = [endpoint.fail(REMOTE_ADDR=address) for address in addresses]
        assert statuses(answers) == [401, 401, 429, 401]

    def test_a_mapped_ipv4_address_is_that_address(self, endpoint):
        addresses = ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"]
        answers = [endpoint.fail(REMOTE_ADDR=address) for address in addresses]
        assert statuses(answers) == [401, 401, 429]

    @pytest.mark.parametrize("address", ["", "unix:", "x" * 5000, "\xe9", "fe80::1%eth0", "1.2.3"])
    def test_unusable_addresses_share_one_counter(self, endpoint, address):
        answers = [endpoint.fail(REMOTE_ADDR=address) for _ in range(3)]
        assert statuses(answers) == [401, 401, 429]
        assert endpoint.post(REMOTE_ADDR=address).status_code == 200


class TestAnswer:
    @pytest.mark.parametrize("kind", ["post", "fail"])
    def test_429_has_retry_after_and_the_limit(self, endpoint, limits, kind):
        send = getattr(endpoint, kind)
        quota = {"post": 3, "fail": 2}[kind]
        limits.shift(3)
        response = [send() for _ in range(quota + 1)][-1]
        description = assert_refused(response, 429, "slow_down")
        assert description == "Too many requests. Please slow down."
        name, state, policy = fields(response)
        policies = {"/v1/token": "token", "/auth_token": "auth_token"}
        assert name == {"post": policies[endpoint.path], "fail": "failure"}[kind]
        assert policy == {"q": quota, "w": 10}
        assert state["r"] == 0
        assert 1 <= state["t"] <= 10
        assert response["Retry-After"].isdecimal()
        assert int(response["Retry-After"]) >= state["t"]
        assert "WWW-Authenticate" not in response

    def test_after_retry_after_the_next_request_passes(self, endpoint, limits):
        for _ in range(3):
            endpoint.post()
        limits.shift(int(endpoint.post()["Retry-After"]))
        assert statuses(endpoint.post() for _ in range(4)) == [200, 200, 200, 429]

    def test_a_success_shows_what_is_left(self, endpoint, limits):
        name, state, policy = fields(endpoint.post())
        assert name == endpoint.path.rpartition("/")[2]
        assert state["r"] == 2
        assert 1 <= state["t"] <= 10
        assert policy == {"q": 3, "w": 10}

    def test_a_window_ends_when_announced(self, endpoint, limits):
        """Second by second through three windows: never more than the quota in any of them."""
        passed = []
        for second in range(30):
            response = endpoint.post()
            _, state, _ = fields(response)
            if response.status_code == 200:
                passed.append(second + state["t"])  # the second in which its window ends
            limits.shift(1)
        ends = sorted(set(passed))
        assert len(ends) >= 3
        assert all(passed.count(end) <= 3 for end in ends)
        assert {later - earlier for earlier, later in pairwise(ends)} == {10}

    def test_a_window_of_one_second(self, endpoint, limits, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"token": "1/s", "auth_token": "1/s"})
        answers = [endpoint.post(), endpoint.post()]
        limits.shift(1)
        answers.append(endpoint.post())
        assert statuses(answers) == [200, 429, 200]
        assert answers[1]["Retry-After"] == "1"


class TestOff:
    def test_all_limits(self, endpoint, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS=None)
        answers = [endpoint.post() for _ in range(100)]
        assert set(statuses(answers)) == {200}
        assert "RateLimit" not in answers[-1]
        assert set(statuses(endpoint.fail() for _ in range(50))) == {401}

    @pytest.mark.usefixtures("still_clock")
    def test_one_limit(self, https_client, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"token": None, "auth_token": "1/h"})
        token, auth_token = (Endpoint(path, https_client) for path in ("/v1/token", "/auth_token"))
        assert statuses(token.post() for _ in range(70)) == [200] * 70
        assert statuses(auth_token.post() for _ in range(2)) == [200, 429]

    def test_by_the_librarys_switch(self, endpoint, settings, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"token": "1/h", "auth_token": "1/h", "failure": "1/h"})
        settings.RATELIMIT_ENABLE = False
        assert statuses(endpoint.post() for _ in range(3)) == [200, 200, 200]
        assert statuses(endpoint.fail() for _ in range(3)) == [401, 401, 401]

    def test_by_default_there_are_limits(self, endpoint):
        with time_machine.travel(NOW, tick=False):
            answers = [endpoint.post() for _ in range(61)]
            failures = [endpoint.fail() for _ in range(31)]
        assert statuses(answers) == [200] * 60 + [429]
        assert statuses(failures) == [401] * 30 + [429]
