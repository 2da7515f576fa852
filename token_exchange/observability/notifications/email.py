"""E-mails to the owners of a credential, and what happens if one fails."""

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
from token_exchange.observability.notifications.messages import Message
from token_exchange_core.event_log import log_event


class MailFailed(Exception):
    """No e-mail was sent. The next run retries it."""


def is_email_enabled() -> bool:
    """Return whether the project has set ``WARNING_RECIPIENTS``."""
    return get_settings().warning_recipients is not None


def mail(
    credential: Credential, compose: Callable[[Credential], Message], *, column: str, now: datetime
) -> int:
    """Send one message to all recipients; return how many messages were sent (0 or 1).

    One message, so that a failure never reaches only some of them. Raises ``AlreadyClaimed``, or
    ``MailFailed``, after which it is due again. If the process is killed while sending, the message
    may be lost, which is better than sending it again in every run.
    """
    claim(credential, column, now=now)
    try:
        return _send(credential, compose)
    except Exception as error:
        release(credential, column, now=now)
        log_event(
            logging.ERROR,
            "warning.mail_failed",
            exc_info=error,
            identifier=credential.identifier,
            error=type(error).__name__,
        )
        raise MailFailed from error


def _send(credential: Credential, compose: Callable[[Credential], Message]) -> int:
    recipients = _recipients(credential)
    if not recipients:
        return 0
    # In the service's language, not that of the current request.
    with translation.override(django_settings.LANGUAGE_CODE):
        message = compose(credential)
    email = EmailMessage(
        subject=message.subject,
        body=message.body,
        to=recipients,
        # Prevents automatic replies (RFC 3834, section 5).
        headers={"Auto-Submitted": "auto-generated"},
    )
    return email.send()


def _recipients(credential: Credential) -> list[str]:
    hook: Callable[[Credential], Any] = import_string(get_settings().warning_recipients or "")
    found = hook(credential)
    if isinstance(found, str):
        raise TypeError("WARNING_RECIPIENTS must return a list of e-mail addresses")
    return list(dict.fromkeys(found or ()))
