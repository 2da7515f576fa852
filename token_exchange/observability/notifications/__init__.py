"""Notifications about expiring credentials, previous secrets still in use, and leaked secrets.

Each is announced once, by a signal and a log event, and sent by e-mail if the project names
recipients. The two are independent: a failed e-mail is retried without a second announcement.
"""

from token_exchange.observability.notifications.dispatch import (
    NotificationCounts,
    mail_leaked,
    warn,
)

__all__ = ["NotificationCounts", "mail_leaked", "warn"]
