"""How does an e-mail reach the owners of a credential, and what if it does not?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.module_loading import import_string

from token_exchange.conf import get_settings
from token_exchange.models import Credential
from token_exchange.observability.notifications.due import claim, release
from token_exchange.observability.notifications.messages import Notice
from token_exchange_core.event_log import log_event


class MailFailed(Exception):
    """No e-mail was sent, and the next run tries again."""


def wants_mail() -> bool:
    """Tell whether the project has said to whom e-mail goes."""
    return get_settings().warning_recipients is not None


def mail(
    credential: Credential, make: Callable[[Credential], Notice], *, told: str, now: datetime
) -> int:
    """Send the notice to those whom ``WARNING_RECIPIENTS`` names; return how many messages.

    One message has all of them, so that no failure reaches some and not others. Raises
    ``ToldAlready``, or ``MailFailed``, after which it is due again. A process that is killed while
    it sends may have sent nothing: a mail is lost rather than sent by each run for ever.
    """
    claim(credential, told, now=now)
    try:
        return _send(credential, make)
    except Exception as error:
        release(credential, told, now=now)
        log_event(
            logging.ERROR,
            "warning.mail_failed",
            exc_info=error,
            identifier=credential.identifier,
            error=type(error).__name__,
        )
        raise MailFailed from error


def _send(credential: Credential, make: Callable[[Credential], Notice]) -> int:
    recipients = _recipients(credential)
    if not recipients:
        return 0
    # Not in the language of whoever happens to send a request.
    with translation.override(django_settings.LANGUAGE_CODE):
        notice = make(credential)
    message = EmailMessage(
        subject=notice.subject,
        body=notice.body,
        to=recipients,
        # So that nobody's absence answers (RFC 3834, section 5).
        headers={"Auto-Submitted": "auto-generated"},
    )
    return message.send()


def _recipients(credential: Credential) -> list[str]:
    hook: Callable[[Credential], Any] = import_string(get_settings().warning_recipients or "")
    found = hook(credential)
    if isinstance(found, str):
        raise TypeError("WARNING_RECIPIENTS must return a list of e-mail addresses")
    return list(dict.fromkeys(found or ()))
