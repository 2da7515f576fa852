"""How do owners learn what ends soon, or has leaked, before it hurts?

Whatever has something to tell says so by a signal and a line of the log, once, and by e-mail where
the project wants that: the two know nothing of each other's failures.
"""

from token_exchange.observability.notifications.dispatch import Warned, mail_leaked, warn

__all__ = ["Warned", "mail_leaked", "warn"]
