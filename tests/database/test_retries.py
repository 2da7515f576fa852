"""Transactions that the database asks to repeat."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from tests.support.factories import make_api_key, works
from token_exchange.database.retries import ATTEMPTS, retried
from token_exchange.issuer import credentials


class Refusal(Exception):
    """What the driver raises, with PostgreSQL's code for the reason."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def failure(cause=None, *args):
    error = OperationalError(*args)
    error.__cause__ = cause
    return error


SERIALIZATION_FAILURES = [
    failure(Refusal(sqlstate="40001")),
    failure(Refusal(sqlstate="40P01")),
    failure(Refusal(pgcode="40001")),
    failure(None, 1213, "Deadlock found when trying to get lock"),
]


class Operation:
    """An operation that fails a number of times."""

    def __init__(self, error, *, failures):
        self.error, self.failures, self.attempts = error, failures, 0

    def __call__(self, value):
        self.attempts += 1
        if self.attempts <= self.failures:
            raise self.error
        return value


def run(operation):
    @retried
    def attempt(value):
        return operation(value)

    return attempt("done")


@pytest.mark.parametrize("error", SERIALIZATION_FAILURES)
@pytest.mark.parametrize("failures", [0, 1, ATTEMPTS - 1])
def test_are_repeated_until_they_succeed(error, failures):
    operation = Operation(error, failures=failures)
    assert run(operation) == "done"
    assert operation.attempts == failures + 1


def test_are_given_up_after_a_number_of_attempts():
    operation = Operation(SERIALIZATION_FAILURES[0], failures=ATTEMPTS)
    with pytest.raises(OperationalError):
        run(operation)
    assert operation.attempts == ATTEMPTS


@pytest.mark.parametrize(
    "error",
    [
        failure(Refusal(sqlstate="55P03")),
        failure(None, 1205, "Lock wait timeout exceeded"),
        failure(None),
    ],
)
def test_any_other_error_is_raised_at_once(error):
    operation = Operation(error, failures=1)
    with pytest.raises(OperationalError):
        run(operation)
    assert operation.attempts == 1


@pytest.mark.django_db
def test_within_a_callers_transaction_are_left_to_the_caller():
    operation = Operation(SERIALIZATION_FAILURES[0], failures=1)
    with transaction.atomic(), pytest.raises(OperationalError):
        run(operation)
    assert operation.attempts == 1


class TestOperations:
    """Each is repeated with the arguments of the first attempt."""

    @pytest.fixture
    def fail_once(self, db):
        """Fail after the first write of the audit trail, as PostgreSQL would."""
        left = [SERIALIZATION_FAILURES[0]]

        def fail(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if left and sql.startswith("INSERT") and "auditevent" in sql:
                raise left.pop()
            return result

        with connection.execute_wrapper(fail):
            yield
        assert left == []

    @pytest.mark.django_db(transaction=True)
    def test_issue(self, fail_once):
        assert works(make_api_key().raw_secret)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("compromised", [False, True])
    def test_rotate(self, request, compromised):
        key = make_api_key()
        request.getfixturevalue("fail_once")
        issued = credentials.rotate(key.credential, compromised=compromised)
        assert works(issued.raw_secret)
        assert works(key.raw_secret) is not compromised
        assert key.credential.secret_version == 2
