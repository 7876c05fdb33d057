"""What can go wrong, as whoever uses the client sees it.

ClientError                 the text says what to do
├── NotConfigured           no address or no token
├── Unreachable             the server does not answer
├── Problem                 the server refused a request, and said why
└── Closed                  the server closed the live connection for good
Cancelled                   somebody pressed Cancel; a BaseException
"""

from __future__ import annotations


class ClientError(Exception):
    """Something a person should read; the text says what to do."""


class NotConfigured(ClientError):
    """The address of the server or the token is missing or wrong."""


class Unreachable(ClientError):
    """The server does not answer."""


class Problem(ClientError):
    """The server refused a request. `code` is stable (`job_over`, `forbidden`), `status` that of HTTP or 0."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Closed(ClientError):
    """The live connection is over and must not be opened again: signed out (4500), replaced (4501), …"""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"The server closed the live connection: {reason or 'no reason given'} ({code}).")
        self.code = code
        self.reason = reason


class Cancelled(BaseException):
    """Somebody pressed *Cancel* on the page of this job.

    Not an `Exception`, for the reason that `KeyboardInterrupt` is none: `except Exception` around one row of
    thousands must not swallow it.
    """
