"""Every flow that creates, accepts or refuses a secret, run once."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from tests.admin.conftest import OperatorClient
from tests.secrecy.self_service import fail_to_make_keys
from tests.secrecy.storage_search import Secrets
from tests.self_service.conftest import PAGES, Visitor
from tests.self_service.members import KEYS, make_member
from tests.support import entitlements
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_organization,
    make_user,
)
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer import credentials, purging, signing_keys
from token_exchange.issuer.authentication import ApiKeyAuthentication, ClientAppBasicAuthentication
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys.encryption import decrypt
from token_exchange.models import AccessToken, AuditEvent, Credential, SigningKey
from token_exchange_core.scopes import REVOCATIONS_SCOPE

SECRET = re.compile(r"\b(?:sk|cs)_live\.\w{12}\.\w{49}\b")
JWKS = "/.well-known/jwks.json"
LEAKS = "/v1/leaked-credentials"
HOUR = timedelta(hours=1)


class Whoami(APIView):
    """A view that takes every credential."""

    authentication_classes = (
        BearerAuthentication,
        ApiKeyAuthentication,
        ClientAppBasicAuthentication,
    )

    def get(self, request: Any) -> Response:
        return Response({"user": str(request.user), "auth": repr(request.auth)})


class Run:
    """The run, and what it saw: each secret, and each answer that should not hold one."""

    def __init__(self, client: Any, operator: OperatorClient, change_settings: Any) -> None:
        self.client = client
        self.change_settings = change_settings
        self.operator = operator
        self.secrets = Secrets()
        self.objects: list[Any] = []
        self.answers: list[Any] = []
        """All of them; the bodies of some hand out a secret, their headers never."""
        self.bodies: list[str] = []
        self.errors: list[BaseException] = []

    def keep(self, issued: credentials.IssuedSecret) -> credentials.IssuedSecret:
        """Remember a secret that a verb returned."""
        self.secrets.add(issued.raw_secret, "the secret of a verb")
        self.objects += [issued, issued.credential]
        return issued

    def see(self, response: Any, whose: str = "") -> Any:
        """Look at an answer; where it hands out something of somebody's, remember that."""
        self.answers.append(response)
        if not whose:
            self.bodies.append(response.content.decode())
            return response
        found = {*SECRET.findall(response.content.decode())}
        if response["Content-Type"] == "application/json" and "access_token" in response.json():
            token = response.json()["access_token"]
            found.add(token["token"] if isinstance(token, dict) else token)
        assert found, response.content
        for secret in found:
            self.secrets.add(secret, whose)
        return response

    def everything(self) -> None:
        """Run through all flows."""
        self.make_signing_keys()
        self.use_verbs()
        self.use_commands()
        self.use_the_admin()
        self.use_self_service()
        self.use_credentials_wrongly()
        self.report_leaks()
        self.meet_failures()
        purging.purge_expired_tokens(now=timezone.now() + timedelta(days=9))

    def make_signing_keys(self) -> None:
        """One of each kind, and remember their private halves."""
        for algorithm in ("RS256", "ES256", "EdDSA"):
            self.change_settings(ALGORITHM=algorithm)
            row = signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
            self.secrets.add_key(decrypt(row), f"the {algorithm} key")
            keys = signing_keys.key_set()
            self.objects += [row, keys, keys.current, keys.current.public]
        self.command("reencrypt_signing_keys")
        self.command("remove_signing_key", row.kid)
        self.command("rotate_signing_key")
        self.command("rotate_signing_key", json=True, all_new=True)

    def use_verbs(self) -> None:
        """Issue, exchange, use again, rotate, end an overlap, revoke, delete the owner."""
        key = self.keep(make_api_key(scopes=["a"], owner=make_user()))
        app = self.keep(make_client_app())
        for _ in range(2):
            self.exchange(key)
            self.exchange(app)
        new = self.keep(
            credentials.rotate(key.credential, overlap=HOUR, act=Act(now=timezone.now()))
        )
        for each in (key, new):
            self.exchange(each)
        credentials.end_overlap(key.credential, act=Act(now=timezone.now()))
        self.keep(credentials.rotate(app.credential, compromised=True, act=Act(now=timezone.now())))
        self.see(self.client.post("/auth_token", headers=basic_header(app)))
        credentials.revoke(app.credential, act=Act(now=timezone.now(), reason="leaked"))
        key.credential.owner.delete()
        follower = self.keep(make_api_key(scopes=[REVOCATIONS_SCOPE]))
        self.see(self.client.get("/v1/revocations", headers=api_key_header(follower)))
        self.see(self.client.post("/v1/token", headers=api_key_header(new)))

    def exchange(self, issued: credentials.IssuedSecret) -> None:
        """Exchange a good credential, at its endpoint."""
        if issued.credential.kind == Credential.Kind.API_KEY:
            answer = self.client.post("/v1/token", headers=api_key_header(issued))
        else:
            answer = self.client.post("/auth_token", headers=basic_header(issued))
        token = self.see(answer, "a token").json()["access_token"]
        raw = token["token"] if isinstance(token, dict) else token
        for sent in (raw, base64.b64encode(raw.encode()).decode()):
            assert self.see(self.use_directly(bearer_header(sent))).status_code == 200

    def use_commands(self) -> None:
        """Issue, rotate, list and revoke from a shell."""
        slug = make_organization().slug
        for name in ("create_api_key", "create_client_app"):
            made = self.command(name, organization=slug, name="shell", json=True)
            identifier = made.get("identifier") or made["client_id"]
            self.command("rotate_credential", identifier, json=True)
            self.command("rotate_credential", identifier, compromised=True)
            self.command("list_credentials")
            self.command("revoke_credential", identifier)

    def command(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """Run a command; what it prints may be a secret only if it makes one."""
        out = StringIO()
        call_command(*arguments, **options, stdout=out, stderr=out)
        text = out.getvalue()
        if arguments[0] in {"create_api_key", "create_client_app", "rotate_credential"}:
            (secret,) = set(SECRET.findall(text))
            self.secrets.add(secret, "the secret of a command")
        else:
            self.bodies.append(text)
        return dict(json.loads(text)) if options.get("json") else {}

    def use_the_admin(self) -> None:
        """Issue, look, rotate, revoke and look again, as an operator does."""
        organization = make_organization()
        for kind in ("apikey", "clientapp"):
            values = {"organization": organization.pk, "name": "Admin key"}
            added = self.operator.send(admin_url(kind, "add"), **values)
            self.see(added, "a secret of the admin")
            credential = Credential.objects.order_by("-pk")[0]
            self.look(kind, credential)
            rotate = credential_url(credential, "rotate")
            self.see(self.operator.send(rotate, overlap="3600"), "a secret of the admin")
            self.see(self.operator.send(rotate, overlap="0"))
            self.look(kind, credential)
            leaked = credential_url(credential, "rotate_compromised")
            self.see(self.operator.send(leaked), "a secret of the admin")
            self.see(self.operator.post(leaked, {"version": "stale"}))
            edit = credential_url(credential, "change")
            self.see(self.operator.post(edit, {"form_version": "stale", "name": "Admin key"}))
            self.see(self.operator.send(edit, name="Admin key", metadata="{oops"))
            revoke = credential_url(credential, "revoke")
            self.see(self.operator.send(revoke, reason="gone", confirmed="yes"))
            self.look(kind, credential)

    def look(self, kind: str, credential: Credential) -> None:
        """Open what shows the credential."""
        for name in ("change", "history"):
            self.see(self.operator.get(credential_url(credential, name)))
        self.see(self.operator.get(admin_url(kind, "changelist")))
        for model, row in (
            ("accesstoken", AccessToken.objects.last()),
            ("signingkey", SigningKey.objects.first()),
        ):
            self.see(self.operator.get(admin_url(model, "changelist")))
            self.see(self.operator.get(admin_url(model, "change", row)))
        self.see(self.operator.get(admin_url("dashboard", "changelist")))
        self.see(self.operator.get("/admin/"))
        self.look_back()

    def look_back(self) -> None:
        """Open, and take along, what the audit trail has by now."""
        self.see(self.operator.get(admin_url("auditevent", "changelist")))
        for event in AuditEvent.objects.order_by("-pk")[:20]:
            self.see(self.operator.get(admin_url("auditevent", "change", event)))
        for file_format in ("json", "csv"):
            download = self.operator.get(f"/admin/token_exchange/auditevent/export/{file_format}/")
            self.answers.append(download)
            self.bodies.append(download.getvalue().decode())
            self.command("export_audit_events", format=file_format)

    def use_self_service(self) -> None:
        """Make keys with a key's token, list, rotate and delete them, and be refused."""
        member = make_member(self.client)
        self.keep(member.issued)
        token = member.token()
        self.secrets.add(token, "a token")
        made = self.see(member.call("POST", token=token, label="laptop"), "a key of self-service")
        key = f"{KEYS}/{made.json()['id']}"
        self.see(member.call("POST", f"{key}/rotate", token=token), "a key of self-service")
        for method, path in (("GET", KEYS), ("POST", f"{key}/rotate"), ("DELETE", key)):
            self.see(member.call(method, path, token=token))
        self.see(member.call("POST", token=token, scope="reports:read nowhere"))
        self.visit_the_users_pages(member)

    def visit_the_users_pages(self, member: Any) -> None:
        """Make, rotate and revoke a key in a browser, and send each form a second time."""
        entitlements.values.update(organization=member.organization)
        self.change_settings(SELF_SERVICE_ENTITLEMENT=entitlements.PATH)
        visitor = Visitor(entitlements.values, user=member.user)
        self.fill_in_twice(visitor, "new/", label="phone", expiry="30")
        key = Credential.objects.filter(owner=member.user).order_by("-pk")[0]
        self.fill_in_twice(visitor, f"{key.identifier}/rotate/", overlap="3600")
        self.see(visitor.send(f"{key.identifier}/revoke/"))
        self.see(visitor.get())
        entitlements.values.clear()

    def fill_in_twice(self, visitor: Visitor, path: str, **values: str) -> None:
        """Send a form, and the same form again."""
        form = {**visitor.fill_in(path), **values}
        self.see(visitor.client.post(PAGES + path, form), "a key of a user's page")
        self.see(visitor.client.post(PAGES + path, form))
        self.see(visitor.get())

    def use_credentials_wrongly(self) -> None:
        """Show real secrets where they are not taken."""
        key, app = self.keep(make_api_key()), self.keep(make_client_app())
        wrongly = [
            *("Bearer {}x", "Basic {}", "Digest {}"),
            *("ApiKey {}x", "ApiKey {}, x", "ApiKey {}\xe9"),
        ]
        headers = [api_key_header(key), basic_header(app)]
        headers += [
            {"authorization": each.format(issued.raw_secret)}
            for issued in (key, app)
            for each in wrongly
        ]
        for sent in headers:
            for path in ("/v1/token", "/auth_token"):
                response = self.client.post(path, headers=sent)
                self.see(response, "a token" if response.status_code == 200 else "")
                self.see(Client().post(path, headers=sent))  # over plain http
            for path in (JWKS, "/nowhere", "/v1/token"):
                self.see(self.client.get(path, headers=sent))
            self.see(self.use_directly(sent))
        form = {"client_id": app.credential.identifier, "client_secret": app.raw_secret}
        for path in ("/v1/token", "/auth_token"):
            self.see(self.client.post(path, form))
            self.see(self.client.post(path, form, content_type="application/json"))
            self.see(self.client.delete(path, form))

    def report_leaks(self) -> None:
        """Tell owners of what ends, and report secrets well, wrongly, and to a failing database."""
        self.change_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        now = timezone.now()
        key = self.keep(make_api_key(now=now - timedelta(days=30), expires_at=now + HOUR))
        app = self.keep(make_client_app())
        self.command("warn_of_expiring_credentials", json=True)
        self.command("print_secret_patterns")
        found = [issued.raw_secret for issued in (key, app)]
        bodies = [
            *([*found, 1], {"credentials": found}, {found[0]: found[1]}, found[0]),
            *(["x" * 600, *found], [f"{each} {each}" for each in found]),
        ]
        for failing in (*range(4), 99):
            with connection.execute_wrapper(fail_at(failing)):
                for body in (*bodies, found):
                    self.see(self.client.post(LEAKS, json.dumps(body), content_type="text/plain"))
        self.see(self.client.post(LEAKS, {"found": found}))
        self.bodies += [message.message().as_string() for message in mail.outbox]
        assert len(mail.outbox) == 3

    def use_directly(self, headers: dict[str, str]) -> Any:
        """Send credentials to a view of the project's own."""
        request = APIRequestFactory().get("/", secure=True, headers=headers)
        return Whoami.as_view()(request).render()

    def meet_failures(self) -> None:
        """Let the database fail at each statement in turn, and verbs refuse."""
        key, app = self.keep(make_api_key()), self.keep(make_client_app())
        organization = make_organization()
        fail_to_make_keys(self, fail_at)
        for failing in range(8):
            self.fail_exchanges(key, app, failing)
            for make in (make_api_key, make_client_app):
                self.fail(make, fail_at(failing), organization=organization)
        identifier, far = key.credential.identifier, timezone.now() + HOUR * 1000
        self.fail(make_api_key, identifier=identifier)
        self.fail(make_api_key, expires_at=far, scopes=["not a scope"])
        for overlap in (-HOUR, HOUR, HOUR):
            self.fail(credentials.rotate, credential=app.credential, overlap=overlap)

    def fail_exchanges(self, key: Any, app: Any, failing: int) -> None:
        """Exchange on a database that fails at a statement, and send secrets in the body too."""
        form = {"client_secret": app.raw_secret, "api_key": key.raw_secret}
        for path, headers in (
            ("/v1/token", api_key_header(key)),
            ("/auth_token", basic_header(app)),
        ):
            with connection.execute_wrapper(fail_at(failing)):
                response = self.client.post(path, form, headers=headers)
            self.see(response, "a token" if response.status_code == 200 else "")

    def fail(self, verb: Any, wrapper: Any = None, **values: Any) -> None:
        """Call what will fail, and keep its error with its traceback."""
        try:
            with connection.execute_wrapper(wrapper or fail_at(99)):
                self.keep(verb(**values))
        except (OperationalError, ValidationError, credentials.CredentialConflict) as error:
            self.errors.append(error)


def fail_at(number: int) -> Any:
    """Let the n-th statement from now fail, as a database that goes away would."""
    left = [number]

    def execute(run: Any, *arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == -1:
            raise OperationalError("the database went away")
        return run(*arguments)

    return execute
