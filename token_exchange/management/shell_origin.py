"""Who runs this command, and on which machine?"""

from __future__ import annotations

import getpass
import socket


def shell_origin() -> str:
    """Return where an act at a shell comes from, for the audit trail.

    The name is what the environment says, or else the account's: whoever has this shell could as
    well write into the database. A container may have a user id without a name.
    """
    host = socket.gethostname()
    try:
        return f"shell of {getpass.getuser()} on {host}"
    except (ImportError, KeyError, OSError):
        return f"shell on {host}"
