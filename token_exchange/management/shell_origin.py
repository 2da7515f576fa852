"""The origin of audit events that commands write: user and host of the shell."""

from __future__ import annotations

import getpass
import socket


def shell_origin() -> str:
    """Return the origin for the audit trail.

    The user name comes from the environment or the account, and is not proof: anyone with this
    shell could also write to the database. In a container the user ID may have no name.
    """
    host = socket.gethostname()
    try:
        return f"shell of {getpass.getuser()} on {host}"
    except (ImportError, KeyError, OSError):
        return f"shell on {host}"
