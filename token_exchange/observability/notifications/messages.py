"""Texts of the e-mails to the owners of a credential.

They contain only public data: a name, an identifier, times and addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from token_exchange.conf import get_settings
from token_exchange.models import Credential

_PAGES: Final = {
    Credential.Kind.API_KEY: "admin:token_exchange_apikey_change",
    Credential.Kind.CLIENT_APP: "admin:token_exchange_clientapp_change",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The subject and body of an e-mail."""

    subject: str
    body: str


def expiring(credential: Credential) -> Message:
    """Return the message about an expiry."""
    return _message(
        credential,
        _("%(what)s expires on %(at)s"),
        _("After that, it and its tokens stop working."),
        _(
            "If you still need it, extend its expiry before then, or issue a new one and give that "
            "to the client."
        ),
        at=_when(credential.expires_at),
    )


def previous_secret_in_use(credential: Credential) -> Message:
    """Return the message about a previous secret that a client still uses."""
    return _message(
        credential,
        _("%(what)s: the previous secret is still in use and stops working on %(at)s"),
        _("A client last used it on %(used)s, from %(address)s."),
        _("Give that client the new secret before then."),
        at=_when(credential.previous_secret_expires_at),
        used=_when(credential.previous_secret_last_used_at),
        address=credential.previous_secret_last_used_from or _("an unknown address"),
    )


def leaked(credential: Credential) -> Message:
    """Return the message about a leaked secret."""
    return _message(
        credential,
        _("%(what)s was reported as leaked and has been revoked"),
        _(
            "Someone reported its full secret to this service on %(at)s. It and all its tokens "
            "stopped working at that moment. If API keys were created or rotated with it, they "
            "stopped working as well."
        ),
        _(
            "Find out where the secret leaked and who may have used it, remove it there, and "
            "issue a new credential."
        ),
        at=_when(credential.revoked_at),
    )


def _message(credential: Credential, subject: str, *paragraphs: str, **values: str) -> Message:
    what = f"{credential.get_kind_display()} “{credential.name}”"
    values["what"] = what[:1].upper() + what[1:]
    facts = _("Identifier: %(identifier)s\nOrganization: %(organization)s") % {
        "identifier": credential.identifier,
        "organization": credential.organization,
    }
    texts = [each % values for each in (f"{subject}.", *paragraphs)]
    # One line, because it is a header, and a name can contain line breaks.
    return Message(
        subject=" ".join((subject % values).split()),
        body="\n\n".join([*texts, facts, *_page(credential)]) + "\n",
    )


def _when(at: datetime | None) -> str:
    return "?" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _page(credential: Credential) -> list[str]:
    """Return the URL of its page in the admin, if there is one, on the host of ``ISSUER``.

    Not on the host of a request, which its sender can choose.
    """
    issuer = urlsplit(get_settings().issuer)
    try:
        path = reverse(_PAGES[Credential.Kind(credential.kind)], args=[credential.pk])
    except NoReverseMatch:  # the project has no admin, or not for this app
        return []
    return [f"{issuer.scheme}://{issuer.netloc}{path}"]
