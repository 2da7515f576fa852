"""Program that lets each exchange fail under sentry-sdk, and prints the captured events as JSON.

It reads a JSON object on standard input: ``options`` of ``sentry_sdk.init``, and ``page``, a block
of Python that calls it with a ``before_send``, or nothing.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
import sentry_sdk
from sentry_sdk.transport import Transport

EVENTS: list[Any] = []
STATEMENTS = 4


class CapturingTransport(Transport):
    """Keeps what would be sent."""

    def capture_envelope(self, envelope: Any) -> None:
        EVENTS.extend(item.payload.json for item in envelope.items if item.type == "event")


def start(options: dict[str, Any], page: str) -> None:
    init, given = sentry_sdk.init, dict(options)
    if page:
        sentry_sdk.init = given.update  # type: ignore[assignment] # what the page's block calls
        exec(page, {"__name__": "page"})
    init(**{"dsn": "https://key@sentry.test/1", **given, "transport": CapturingTransport})


def send_everything() -> None:
    # Not before django.setup().
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415

    from tests.secrecy.flows import fail_at  # noqa: PLC0415
    from tests.support import factories  # noqa: PLC0415

    application, requests = get_wsgi_application(), RequestFactory()

    def send(method: str, path: str, headers: dict[str, str], data: Any = None) -> Any:
        request = requests.generic(
            *(method, path, "" if data is None else json.dumps(data), "application/json"),
            secure=True,
            headers=headers,
        )
        return b"".join(application(request.environ, lambda *_: None))

    key = factories.make_api_key(owner=factories.make_user())
    app = factories.make_client_app()
    api_key, basic = factories.api_key_header(key), factories.basic_header(app)
    token = json.loads(send("POST", "/v1/token", api_key, {}))["access_token"]
    bearer = factories.bearer_header(token)
    leaks = [key.raw_secret, app.raw_secret]
    form = {"client_secret": app.raw_secret, "subject_token": token, "assertion": token}
    for number in range(STATEMENTS):
        for method, path, headers, data in (
            ("POST", "/v1/token", api_key, form),
            ("POST", "/auth_token", basic, form),
            ("DELETE", "/auth_token", basic, form),
            ("POST", "/v1/leaked-credentials", {}, leaks),
            ("GET", "/bearer", bearer, None),
            ("GET", "/key", api_key, None),
            ("GET", "/app", basic, None),
        ):
            with connection.execute_wrapper(fail_at(number)):
                send(method, path, headers, data)


if __name__ == "__main__":
    start(**json.load(sys.stdin))
    django.setup()
    django.conf.settings.ROOT_URLCONF = "tests.authentication.views"
    django.conf.settings.TOKEN_EXCHANGE |= {"RATE_LIMITS": None, "REVOCATION_MAX_AGE": 0}
    django.core.management.call_command("migrate", verbosity=0)
    send_everything()
    sentry_sdk.flush()
    print(json.dumps(EVENTS))  # noqa: T201
