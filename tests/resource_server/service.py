"""A service with Django REST framework and without tables, for tokens of another issuer.

Reads requests from its standard input, one path and Authorization header per line. Prints each
response, and at the end the modules of ours that it has imported.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.test import Client
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from token_exchange.permissions import HasScope


class Reports(APIView):
    permission_classes = (HasScope("reports:read"),)

    def get(self, request: Any) -> Response:
        return Response(
            {
                "user": f"{type(request.user).__name__} {request.user.pk}",
                "organization": request.auth.organization_id,
                "subject": request.auth.subject,
            }
        )


class Deletion(Reports):
    permission_classes = (HasScope("reports:delete"),)


urlpatterns = [path("reports", Reports.as_view()), path("deletion", Deletion.as_view())]


def say(what: Any) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")


def main() -> None:
    django.setup()
    for line in sys.stdin:
        target, authorization = json.loads(line)
        headers = {"Authorization": authorization} if authorization else {}
        answer = Client().get(target, headers=headers, secure=True)
        say([answer.status_code, answer.headers.get("WWW-Authenticate"), answer.json()])
    say(sorted(name for name in sys.modules if name.startswith("token_exchange")))


if __name__ == "__main__":
    main()
