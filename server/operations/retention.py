"""Removes what is older than it is needed, as the settings say, and says beforehand what will go and when."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, utc_now
from server.storage.database import NOT_NOW, Database
from server.storage.keeping import Amount, Keeping
from server.storage.repeating import repeat

_LOG = logging.getLogger("jindu.storage")
_EVERY_SECONDS = 3600.0
_FIRST_AFTER_SECONDS = 2.0  # who has just started the server wants to see its first page


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How many days one kind of thing is kept, and the setting that says so. None keeps all of it."""

    keeping: Keeping
    days: float | None
    setting: str

    def before(self, moment: datetime) -> datetime:
        """Since when nobody may have needed what goes at `moment`."""
        return moment - timedelta(days=self.days or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKind:
    """What there is of one kind, and what of it goes at the next sweep."""

    kind: str
    held: Amount
    due: Amount
    days: float | None
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`next_at` is when the next sweep begins."""

    kinds: Sequence[KeptKind]
    next_at: datetime


class Retention:
    """Sweeps once an hour, as long as `run` runs; the order of the rules is that of the sweep.

    What is kept `elsewhere` goes without it, and is only told of.
    """

    def __init__(
        self, rules: Sequence[Rule], *, elsewhere: Sequence[Rule] = (), database: Database, clock: Clock = utc_now
    ) -> None:
        self._rules = rules
        self._elsewhere = elsewhere
        self._database = database
        self._clock = clock
        self._next_at = clock() + timedelta(seconds=_FIRST_AFTER_SECONDS)

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.sweep,
            every_seconds=_EVERY_SECONDS,
            log=_LOG,
            failed="what is too old could not be removed",
            action="retention",
            first_after_seconds=_FIRST_AFTER_SECONDS,
        )

    async def sweep(self) -> None:
        """Remove what is due, kind by kind; what fails of one keeps no other from going."""
        now = self._clock()
        try:
            for rule in self._rules:
                if rule.days is not None:
                    await self._remove_old(rule, now)
        finally:  # also when it failed: the next one comes all the same, and pages say when
            self._next_at = self._clock() + timedelta(seconds=_EVERY_SECONDS)

    async def overview(self, owner_id: str | None = None, *, kinds: Collection[str] | None = None) -> Overview:
        """Of everybody's things, or of one user's; of some kinds or all."""
        moment = max(self._next_at, self._clock())
        rules = [rule for rule in self._rules if kinds is None or rule.keeping.kind in kinds]
        return Overview(kinds=[await _kept(rule, moment, owner_id) for rule in rules], next_at=moment)

    async def everything(self, owner_id: str | None = None) -> Overview:
        """The same, and what is kept elsewhere."""
        swept = await self.overview(owner_id)
        others = [await _kept(rule, swept.next_at, owner_id) for rule in self._elsewhere]
        return Overview(kinds=[*swept.kinds, *others], next_at=swept.next_at)

    async def _remove_old(self, rule: Rule, now: datetime) -> None:
        """In short steps, between which others have their turn; then one line of the audit log for all of them."""
        removed = Amount()
        try:
            while (some := await rule.keeping.remove_some(rule.before(now))) is not None:
                removed += some
        except NOT_NOW:
            raise  # said in the log already; the other kinds would fare no better
        except Exception:
            _LOG.exception("%s could not be removed for their age", rule.keeping.kind, extra={"action": "retention"})
        if removed == Amount():
            return  # a line an hour that nothing went would bury what the log is read for
        detail = {"count": removed.count, "bytes": removed.bytes, "days": rule.days}
        async with self._database.write() as connection:
            await Audit.record(connection, None, "retention.sweep", rule.keeping.kind, detail)
        _LOG.info("%s removed for their age", rule.keeping.kind, extra={"action": "retention", **detail})


class RetentionOperations:
    """What goes when, and how much room that frees."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    async def mine(self, principal: Principal) -> Overview:
        principal.require_read()
        return await self._retention.everything(principal.user_id)

    async def of_kinds(self, principal: Principal, kinds: Collection[str]) -> Overview:
        """Everybody's things of these kinds alone."""
        principal.require_admin()
        return await self._retention.overview(kinds=kinds)

    async def everybodys(self, principal: Principal) -> Overview:
        principal.require_admin()
        return await self._retention.everything()


async def _kept(rule: Rule, moment: datetime, owner_id: str | None) -> KeptKind:
    due = await rule.keeping.due(rule.before(moment), owner_id) if rule.days is not None else Amount()
    return KeptKind(
        kind=rule.keeping.kind,
        held=await rule.keeping.held(owner_id),
        due=due,
        days=rule.days,
        setting=rule.setting,
    )
