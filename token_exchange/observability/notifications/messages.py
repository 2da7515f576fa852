"""What is the owner of a credential told by e-mail?

All of it is public: a name, an identifier, times and addresses.
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
class Notice:
    """The text of an e-mail."""

    subject: str
    body: str


def expiring(credential: Credential) -> Notice:
    """Say when it ends, and what to do before."""
    return _notice(
        credential,
        _("%(what)s expires on %(at)s"),
        _("From then on it is refused, and so are its tokens."),
        _(
            "If it is still needed, issue another one and hand that out before then, or give this "
            "one a later expiry."
        ),
        at=_when(credential.expires_at),
    )


def previous_secret_in_use(credential: Credential) -> Notice:
    """Say until when the previous secret works, and where it was seen."""
    return _notice(
        credential,
        _("%(what)s: the previous secret is still in use, and ends on %(at)s"),
        _("A client used it last on %(used)s, from %(address)s."),
        _("Give that client the new secret before then. Afterwards the previous one is refused."),
        at=_when(credential.previous_secret_expires_at),
        used=_when(credential.previous_secret_last_used_at),
        address=credential.previous_secret_last_used_from or _("an unknown address"),
    )


def leaked(credential: Credential) -> Notice:
    """Say that it was found where it should not be, and is dead."""
    return _notice(
        credential,
        _("%(what)s was reported as leaked, and is revoked"),
        _(
            "Somebody sent its full secret to this service on %(at)s. It and all its tokens are "
            "refused from that moment on."
        ),
        _(
            "Find out where the secret was found and who may have used it, remove it there, and "
            "issue another credential."
        ),
        at=_when(credential.revoked_at),
    )


def _notice(credential: Credential, subject: str, *paragraphs: str, **values: str) -> Notice:
    what = f"{credential.get_kind_display()} “{credential.name}”"
    values["what"] = what[:1].upper() + what[1:]
    facts = _("Identifier: %(identifier)s\nOrganization: %(organization)s") % {
        "identifier": credential.identifier,
        "organization": credential.organization,
    }
    texts = [each % values for each in (f"{subject}.", *paragraphs)]
    # A header is one line, whatever a name has in it.
    return Notice(
        subject=" ".join((subject % values).split()),
        body="\n\n".join([*texts, facts, *_page(credential)]) + "\n",
    )


def _when(at: datetime | None) -> str:
    return "?" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _page(credential: Credential) -> list[str]:
    """Return the address of its page in the admin, below the host of ``ISSUER``, if it has one.

    No request is asked for a host: whoever sends it would choose where the owner is led.
    """
    issuer = urlsplit(get_settings().issuer)
    try:
        path = reverse(_PAGES[Credential.Kind(credential.kind)], args=[credential.pk])
    except NoReverseMatch:  # there is no admin in this project, or not of this app
        return []
    return [f"{issuer.scheme}://{issuer.netloc}{path}"]
