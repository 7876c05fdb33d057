"""What stands in links of mails to people with an account: sealed, so that nobody makes one for somebody else."""

from __future__ import annotations

import msgspec

CONFIRM_PATH, STOP_PATH = "/mail/confirm", "/mail/stop"
CONFIRM_SECONDS = 3 * 86_400


class MailProof(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever has it reads the mail of that address."""

    user_id: str
    email: str


class MailStop(msgspec.Struct, frozen=True, kw_only=True):
    """Ends mails of these kinds to that address, without signing in and however late."""

    user_id: str
    email: str
    kinds: tuple[str, ...]
