"""The whole error tree: each class has a stable `code`, its docstring is a message a person can act on.

JinduError
├── InvalidInput            422  the request or file has wrong values
│   ├── MalformedRequest    400  it cannot even be read
│   ├── UnsupportedMedia    415
│   ├── TooLarge            413
│   ├── ChecksumMismatch    460  what arrived is not what was sent (the status is that of tus)
│   ├── FileProblem         422  an uploaded file cannot be used as it is
│   └── TemplateProblem     422  a report template is wrong at a line and column
├── NotSignedIn             401
│   ├── TokenUnknown · TokenRevoked · TokenExpired · UserDisabled
│   ├── OpenIdRefused       401  who came back from the provider is not let in
│   │   └── OpenIdAway      401  it does not answer as it should
│   └── SecondFactorNeeded  401  the password was right; a code is asked for, too
├── Forbidden               403
│   ├── SecondFactorMissing 403  this server wants one of them
│   └── LinkLocked          403  a share link asks for its password
├── NotFound                404  also for what the caller may not know of
│   └── LinkUnknown         404  no share link, or none any more
├── Conflict                409
│   ├── ChangedMeanwhile    409  two at once; the database let only one
│   ├── NoConfirmedAddress  409  who asks for a mail has no address that it could go to
│   └── PreconditionFailed  412
├── Gone                    410
├── Locked                  423
├── RateLimited             429
├── StorageFull             507
│   └── QuotaExceeded       507  somebody, or everybody together, has stored as much as they may
├── Unavailable             503
├── JobFailed               –    a job's attempt ended in an error its owner is told
│   ├── WorkTooLarge        422  it needs more time or memory than one worker may use
│   ├── NotFetched          –    a file that lies elsewhere cannot be had
│   │   └── NotFetchedNow   –    but perhaps later
│   └── WorkerDied          503  its worker process was killed or ran out of memory
│       └── WorkerFrozen    503  or showed no sign of life
├── NotDelivered            –    mail or a webhook that the other side did not take
└── ConfigurationError      –    the server cannot start as it was told to
"""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Sequence
from typing import Any, ClassVar

from server.texts import Translate, told

MOST_ERRORS = 50  # that one answer tells
MORE_ERRORS = "There are {count} more errors; mend these first."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One wrong value: where (`columns[2].type`), what to do about it, and the values of its `{placeholders}`."""

    field: str
    message: str
    parameters: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message in English."""
        return self.translated(str)

    def translated(self, gettext: Translate) -> str:
        return told(self.message, self.parameters, gettext)


class JinduError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    temporary: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        **parameters: object,
    ) -> None:
        """`message` is a constant English text with `{named}` placeholders, so that it can be translated."""
        self.message = message or (type(self).__doc__ or "").strip()
        self.specific_code = code or type(self).code
        self.errors = _first(errors)
        self.parameters = parameters
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """The message in English."""
        return self.translated(str)

    def translated(self, gettext: Translate) -> str:
        return told(self.message, self.parameters, gettext)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross from worker processes to the server by pickle: keyword arguments must survive.
        return (_rebuild, (type(self), self.message, self.specific_code, self.errors, self.parameters))


def _first(errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
    """Nobody reads thousands of errors; the last one says how many more there are."""
    if len(errors) <= MOST_ERRORS:
        return tuple(errors)
    told = errors[: MOST_ERRORS - 1]
    return (*told, FieldError(field="", message=MORE_ERRORS, parameters={"count": len(errors) - len(told)}))


def _seconds_of(error: JinduError, otherwise: float) -> float:
    value = error.parameters.get("retry_after_seconds", otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _rebuild(
    error_class: type[JinduError], message: str, code: str, errors: tuple[FieldError, ...], parameters: dict[str, Any]
) -> JinduError:
    return error_class(message, code=code, errors=errors, **parameters)


class InvalidInput(JinduError):
    """Some values are wrong; correct them and send the request again."""

    code = "invalid_input"
    status = 422


class MalformedRequest(InvalidInput):
    """The request cannot be read; check that it is well-formed."""

    code = "malformed_request"
    status = 400


class UnsupportedMedia(InvalidInput):
    """This type of content is not accepted here."""

    code = "unsupported_media_type"
    status = 415


class TooLarge(InvalidInput):
    """This is larger than the server accepts."""

    code = "too_large"
    status = 413


class ChecksumMismatch(InvalidInput):
    """The bytes that arrived do not match their checksum; send them again."""

    code = "checksum_mismatch"
    status = 460
    temporary = True


class FileProblem(InvalidInput):
    """The file cannot be read as a table; check that it is a CSV, Excel, JSON lines or Parquet file."""

    code = "file_problem"


class TemplateProblem(InvalidInput):
    """The report template is wrong; each error says at which line and column."""

    code = "template_problem"


class NotSignedIn(JinduError):
    """Sign in first."""

    code = "not_signed_in"
    status = 401


class OpenIdRefused(NotSignedIn):
    """The provider's answer cannot be trusted. Begin to sign in once more."""

    code = "openid_refused"


class OpenIdAway(OpenIdRefused):
    """The provider does not answer as it should. Try again in a moment."""

    code = "openid_away"


class TokenUnknown(NotSignedIn):
    """This token is not known here: copied wrongly, deleted or expired. Make one on your account page."""

    code = "token_unknown"


class TokenRevoked(NotSignedIn):
    """This token was deleted. Make a new one on your account page."""

    code = "token_revoked"


class TokenExpired(NotSignedIn):
    """This token has expired. Make a new one on your account page."""

    code = "token_expired"


class UserDisabled(NotSignedIn):
    """The user of this token was disabled, and the token deleted with it; ask an administrator."""

    code = "user_disabled"


class SecondFactorNeeded(NotSignedIn):
    """Send a code of your authenticator app, too, or a recovery code."""

    code = "second_factor_needed"


class Forbidden(JinduError):
    """You are not allowed to do this; ask an administrator."""

    code = "forbidden"
    status = 403


class SecondFactorMissing(Forbidden):
    """This server asks you for a second factor: set one up on your account page, under “Signing in”."""

    code = "second_factor_missing"


class NotFound(JinduError):
    """There is nothing here, or it is not yours."""

    code = "not_found"
    status = 404


class LinkLocked(Forbidden):
    """This link asks for a password. Open its page and type it in."""

    code = "link_locked"


class LinkUnknown(NotFound):
    """This link leads nowhere, or no longer: it may have ended or been withdrawn. Ask whoever sent it for a new one."""


class Conflict(JinduError):
    """This contradicts the present state; reload and try again."""

    code = "conflict"
    status = 409


class ChangedMeanwhile(Conflict):
    """Somebody changed this at the same moment; look again."""


class NoConfirmedAddress(Conflict):
    """You have no confirmed mail address. Write one on your account page and open the link that is sent there."""

    code = "no_confirmed_address"


class PreconditionFailed(Conflict):
    """It was changed by somebody else meanwhile; reload and try again."""

    code = "precondition_failed"
    status = 412


class Gone(JinduError):
    """It was here but has been removed."""

    code = "gone"
    status = 410


class Locked(JinduError):
    """Somebody is using it at this moment; try again shortly."""

    code = "locked"
    status = 423
    temporary = True


class RateLimited(JinduError):
    """Too many attempts; wait a moment and try again."""

    code = "rate_limited"
    status = 429
    temporary = True

    @property
    def retry_after_seconds(self) -> float:
        """How long to wait, as given by `retry_after_seconds=` where it was raised."""
        return _seconds_of(self, 1.0)


class StorageFull(JinduError):
    """The disk is full; what was stored is safe. Free some space, then try again."""

    code = "storage_full"
    status = 507
    temporary = True


class QuotaExceeded(StorageFull):
    """As much is stored as may be; delete what is not needed any more, then try again."""

    code = "quota_exceeded"


class Unavailable(JinduError):
    """The server is starting or stopping; try again in a moment."""

    code = "unavailable"
    status = 503
    temporary = True

    @property
    def retry_after_seconds(self) -> float:
        """How long to wait, as given by `retry_after_seconds=` where it was raised."""
        return _seconds_of(self, 5.0)


class JobFailed(JinduError):
    """The job failed."""

    code = "job_failed"


class WorkTooLarge(JobFailed):
    """This needs more time or memory than one worker may use; ask for less."""

    code = "too_much_work"
    status = 422


class NotFetched(JobFailed):
    """The file cannot be fetched; check where it is."""

    code = "not_fetched"


class NotFetchedNow(NotFetched):
    """The file cannot be fetched at the moment."""

    temporary = True


class WorkerDied(JobFailed):
    """The worker process was stopped, most likely because it ran out of memory; try again with a smaller file."""

    code = "worker_died"
    status = 503
    temporary = True


class WorkerFrozen(WorkerDied):
    """The worker process stood still for {seconds} s and was replaced; try again."""

    code = "worker_frozen"


class NotDelivered(JinduError):
    """It could not be delivered."""

    code = "not_delivered"

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        is_final: bool = False,
        retry_after: float | None = None,
        was_tried: bool = True,
        may_have_arrived: bool = False,
        **parameters: Any,
    ) -> None:
        """`is_final`: the other side will not take it, however often it is tried. `retry_after`: in so many seconds.

        `was_tried`: whether that was an attempt; else its turn has not come. `may_have_arrived`: nobody knows.
        """
        super().__init__(message, **parameters)
        self.is_final = is_final
        self.retry_after = retry_after
        self.was_tried = was_tried
        self.may_have_arrived = may_have_arrived


class MailboxAway(JinduError):
    """The mailbox of mails that come back cannot be read at {host}: {said}."""

    code = "mailbox_away"
    temporary = True


class ConfigurationError(JinduError):
    """The server cannot start with these settings."""

    code = "configuration_error"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it is the memory of this machine or process that gave out. A thread's stack is memory, too, and Python
    says it in its own way."""
    if isinstance(error, RuntimeError):
        return str(error) == "can't start new thread"
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
