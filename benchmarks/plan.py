"""Operations that are measured, their subjects and their bars."""

from __future__ import annotations

from dataclasses import dataclass

from subjects.projects import PROJECTS


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the table: a step that a project takes."""

    title: str
    project: str
    """A key of ``PROJECTS``."""
    step: str
    """A key of its module's ``STEPS``."""
    algorithm: str = "ES256"
    """Of our tokens and the floors'; a peer has its own."""
    is_slow: bool = False
    """Whether it is too slow for callgrind and for a quick look: a password's hash, a purge."""
    bar_instructions: float | None = None
    """At most this many times the floor's instructions."""
    bar_time: float | None = None
    """At most this many times the floor's time, on PostgreSQL."""

    @property
    def is_peer(self) -> bool:
        """Whether it is somebody else's package."""
        return PROJECTS[self.project].distribution is not None

    @property
    def kind(self) -> str:
        """Whose it is: ``floor``, ``ours`` or ``peer``."""
        if self.is_peer:
            return "peer"
        return "ours" if self.project == "ours" else "floor"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What is compared: the first entry is the floor."""

    name: str
    title: str
    entries: tuple[Entry, ...]
    aim_over_http: float | None = None
    """At least this many times the floor's requests a second; ``None``: not served over HTTP."""

    @property
    def floor(self) -> Entry:
        """What all others are measured against."""
        return self.entries[0]


_PLAIN = Entry(title="empty Django view", project="floors", step="plain")
_DRF = Entry(title="empty DRF view", project="floors", step="drf")
_OURS = "token_exchange"


def _peer(title: str, project: str, step: str, *, is_slow: bool = False) -> Entry:
    return Entry(title=title, project=project, step=step, is_slow=is_slow)


EXCHANGE = Operation(
    name="exchange",
    title="Exchange a credential for a token (ES256)",
    entries=(
        Entry(title="ideal issuer", project="floors", step="exchange"),
        Entry(title=_OURS, project="ours", step="exchange", bar_instructions=1.6, bar_time=1.4),
        _PLAIN,
        _DRF,
        _peer("simplejwt, tuned", "simplejwt tuned", "exchange"),
        _peer("oauth-toolkit, tuned", "toolkit tuned", "exchange"),
        _peer("knox, tuned", "knox tuned", "exchange"),
        _peer("simplejwt", "simplejwt", "exchange", is_slow=True),
        _peer("oauth-toolkit", "toolkit", "exchange", is_slow=True),
        _peer("knox", "knox", "exchange", is_slow=True),
    ),
    aim_over_http=0.65,
)
VERIFY = Operation(
    name="verify",
    title="Verify a token that was seen before",
    entries=(
        Entry(title="ideal verifier", project="floors", step="verify"),
        Entry(title=_OURS, project="ours", step="verify", bar_instructions=1.1),
        _DRF,
        _peer("simplejwt, stateless", "simplejwt", "verify"),
        _peer("simplejwt, 1 user", "simplejwt", "verify user"),
        _peer("knox", "knox", "verify user"),
        _peer("oauth-toolkit", "toolkit", "verify user"),
    ),
    aim_over_http=0.9,
)

OPERATIONS = (
    EXCHANGE,
    Operation(
        name="exchange-rs256",
        title="Exchange a credential for a token (RS256, 3072 bits)",
        entries=(
            Entry(title="ideal issuer", project="floors", step="exchange", algorithm="RS256"),
            Entry(title=_OURS, project="ours", step="exchange", algorithm="RS256"),
            Entry(title="bare signature", project="floors", step="signature", algorithm="RS256"),
            Entry(title="token_exchange with ES256", project="ours", step="exchange"),
        ),
    ),
    Operation(
        name="reuse",
        title="Hand out an auth token again (ES256)",
        entries=(
            Entry(title="1 SELECT, 1 signature", project="floors", step="reuse"),
            Entry(title=_OURS, project="ours", step="reuse", bar_instructions=1.3),
            Entry(title="bare signature", project="floors", step="signature"),
        ),
    ),
    VERIFY,
    Operation(
        name="first-sight",
        title="Verify a token for the first time (ES256)",
        entries=(
            Entry(title="ideal verifier without cache", project="floors", step="first sight"),
            Entry(title=_OURS, project="ours", step="first sight", bar_instructions=1.15),
        ),
    ),
    Operation(
        name="verify-user",
        title="Verify a user's token",
        entries=(
            Entry(title="ideal verifier, 1 user", project="floors", step="verify user"),
            Entry(title=_OURS, project="ours", step="verify user"),
            _peer("simplejwt, 1 user", "simplejwt", "verify user"),
            _peer("knox", "knox", "verify user"),
            _peer("oauth-toolkit", "toolkit", "verify user"),
        ),
    ),
    Operation(
        name="verify-key",
        title="An API key directly on a view",
        entries=(
            Entry(title="DRF view, 1 SELECT", project="floors", step="verify key"),
            Entry(title=_OURS, project="ours", step="verify key"),
            _peer("api-key", "api-key", "verify key"),
        ),
    ),
)
