"""Pages that were refused as those of another site: often it is our own, behind a proxy that does not say so."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from server import logs

_KEPT = 100  # anybody can make up an origin
_CHARACTERS = 200
_DAY_SECONDS = 24 * 3600.0
_OFTEN = 5  # so often somebody tries to sign in who means it; whoever makes an origin up does it once


@dataclass(slots=True, kw_only=True)
class _Refusal:
    at: float
    is_perhaps_ours: bool
    times: int
    is_somebodys: bool  # who is known here

    @property
    def is_worth_a_look(self) -> bool:
        """Anybody can make up an origin, and what this server is asked for, too."""
        return self.is_perhaps_ours and (self.is_somebodys or self.times >= _OFTEN)


class RefusedOrigins:
    """Each is told once in the log, with what to change."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: dict[str, _Refusal] = {}

    def note(
        self, origin: str, own_origins: Collection[str], *, site: str | None = None, is_somebodys: bool = False
    ) -> None:
        """`own_origins` is what we are called by the same request, `site` what the browser says (`Sec-Fetch-Site`).

        `is_somebodys`: it came with a session, or from a browser in which somebody was signed in before.
        """
        origin = origin[:_CHARACTERS]
        is_ours = site not in ("cross-site", "same-site") and _is_perhaps_ours(origin, own_origins)
        before = self._refused.pop(origin, None)
        if before is None:
            logs.STRANGERS.warning(
                "a page of %r was refused: this server was asked for as %s. If people reach it there, set "
                "JINDU_PUBLIC_URL to that, or have the proxy hand on Host and X-Forwarded-Proto and set "
                "JINDU_TRUSTED_PROXIES; if it is another program's page that may use the API, add it to "
                "JINDU_ALLOWED_ORIGINS",
                origin,
                " or ".join(sorted(own_origins)) or "nothing",
                extra={"action": "origin_refused"},
            )
        now = self._clock()
        is_lately = before is not None and before.at > now - _DAY_SECONDS
        self._refused[origin] = _Refusal(
            at=now,
            is_perhaps_ours=is_ours,
            times=before.times + 1 if before is not None and is_lately else 1,
            is_somebodys=is_somebodys or (before is not None and is_lately and before.is_somebodys),
        )
        if len(self._refused) > _KEPT:
            del self._refused[next(iter(self._refused))]

    def lately(self) -> list[str]:
        """Those of the last day that may be our own, the latest first: of people who are known, or often enough."""
        since = self._clock() - _DAY_SECONDS
        kept = [origin for origin, each in self._refused.items() if each.is_worth_a_look and each.at > since]
        return kept[::-1]


def _is_perhaps_ours(origin: str, own_origins: Collection[str]) -> bool:
    """Our name by another scheme or port, or any name while we are asked for by one that only the proxy knows."""
    name = _name_of(origin)
    own = {_name_of(each) for each in own_origins}
    return name != "" and (name in own or all(map(_is_internal, own)))


def _name_of(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _is_internal(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name
