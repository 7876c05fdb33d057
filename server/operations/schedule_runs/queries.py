"""Schedules that check a query by a rule, and tell of it when that breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.clock import Clock
from server.datasets.work import QueryResult
from server.deliveries.carrying import CHANNELS, Carrying
from server.deliveries.planning import DeliveryRules
from server.deliveries.store import opted_out
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Placed
from server.delivery.posting import Posting
from server.delivery.wishes import PLACEHOLDER, DeliveryRights, DeliveryVia, DeliveryWish
from server.errors import FieldError, InvalidInput, NotFound
from server.jobs.context import JobContext
from server.jobs.kinds import JobKind
from server.jobs.outcomes import Notice, Outcome
from server.languages import Languages
from server.live.notice_kinds import NoticeKind
from server.live.notices import Notices
from server.operations.queries import QueryOperations
from server.operations.schedule_runs.kind import PlannedRuns
from server.operations.schedule_runs.run_jobs import RunJobs, ScheduledRun
from server.operations.schedule_wishes import ScheduleWish, wrong_field
from server.realtime.history import KeptMessage
from server.schedules.alert_words import ALERT_PLACEHOLDERS, AlertWords
from server.schedules.plans import CheckResult, LimitIs, Plans, QueryPlan
from server.schedules.rules import RuleFinding, finding_of
from server.schedules.run_store import end_run, last_result
from server.schedules.running import StartedRun
from server.schedules.schedule import Schedule, ScheduleRun
from server.schedules.store import locked
from server.storage.database import Database
from server.texts import plain

KIND = "scheduled_query"
ALERT_VIAS = (CHANNELS - {DeliveryVia.S3}) | {DeliveryVia.MAIL}
_MOST_ROWS = 10_000  # that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOutlets:
    """By what a rule that breaks is told of. `base` is the address of this server as people know it."""

    notices: Notices
    posting: Posting
    carrying: Carrying
    rules: DeliveryRules
    languages: Languages
    base: str


class QueryRuns:
    def __init__(
        self,
        *,
        database: Database,
        jobs: RunJobs,
        queries: QueryOperations,
        outlets: AlertOutlets,
        clock: Clock,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._queries = queries
        self._outlets = outlets
        self._clock = clock

    @property
    def job_kind(self) -> JobKind:
        return JobKind(name=KIND, label="Checked query", icon="bell", unit="rows", function=self.run, heavy=False)

    async def planned(self, principal: Principal, wish: ScheduleWish) -> PlannedRuns:
        """It is run once: what is wrong in it is said now, also of a value that can be compared with no limit."""
        plan = wish.query
        assert plan is not None  # `require_right` has seen to it
        _require_rule(plan)
        _require_ways(wish.deliveries)
        try:
            result = await self._queries.run(principal, plan.sql, {}, limit=1)
        except InvalidInput as error:
            message = FieldError(field="query.sql", message=error.message, parameters=dict(error.parameters))
            raise InvalidInput(errors=[message]) from None
        if plan.rule.is_of_values:
            try:
                finding_of(plan.rule, msgspec.structs.replace(result, truncated=False))
            except InvalidInput as error:
                message = FieldError(
                    field="query.rule.column", message=error.message, parameters=dict(error.parameters)
                )
                raise InvalidInput(errors=[message]) from None
        return PlannedRuns(name=" ".join(plan.sql.split())[:60], plans=Plans(query=plan))

    async def begin(self, owner: Principal, schedule: Schedule, run: ScheduleRun) -> StartedRun:
        owner.require_write()
        plan = run.ordered.query
        assert plan is not None
        try:
            await self._queries.require_names(owner, plan.sql)
        except InvalidInput as error:  # it was right when it was planned: what it reads is there no more, or not theirs
            raise NotFound(error.message, **plain(error.parameters)) from None
        return await self._jobs.begin(KIND, owner, schedule, run)

    async def run(self, context: JobContext) -> Outcome:
        """The job. What it found, and what is told of it, are stored together: once, whatever is killed."""
        scheduled = await self._jobs.of(context.job)
        plan = scheduled.run.ordered.query
        assert plan is not None
        if scheduled.run.result is not None:  # by an attempt that was cut short
            return Outcome()
        result = await self._queries.run(scheduled.owner, plan.sql, {}, limit=_MOST_ROWS)
        finding = finding_of(plan.rule, result)
        context.advance(len(result.rows), total=len(result.rows))
        kept: list[KeptMessage] = []
        async with self._database.write() as connection:
            await context.fence(connection)
            await locked(connection, scheduled.schedule.id)  # two checks of one schedule agree on what was told
            is_told = finding.is_broken if plan.each_time else False
            was_broken = await self._was_broken(connection, scheduled, plan)
            if is_told or was_broken is not finding.is_broken:
                is_told = True
                kept = await self._tell(connection, scheduled, finding, result)
            found = CheckResult(
                is_broken=finding.is_broken,
                is_told=is_told,
                sentence=finding.sentence,
                value=finding.value,
                rows=len(result.rows),
                has_more=result.truncated,
            )
            await end_run(connection, scheduled.run.id, found, now=self._clock())
        for message in kept:
            self._outlets.notices.send(message)
        self._outlets.posting.hurry()
        return Outcome(result={"is_broken": finding.is_broken, "rows": len(result.rows)})

    async def _was_broken(self, connection: AsyncConnection, scheduled: ScheduledRun, plan: QueryPlan) -> bool:
        """By the check before; another query, or another rule, begins anew."""
        before = await last_result(connection, scheduled.run)
        if before is None or before.ordered.query is None or not isinstance(before.result, CheckResult):
            return False
        is_same = (before.ordered.query.sql, before.ordered.query.rule) == (plan.sql, plan.rule)
        return is_same and before.result.is_broken

    async def _tell(
        self, connection: AsyncConnection, scheduled: ScheduledRun, finding: RuleFinding, result: QueryResult
    ) -> list[KeptMessage]:
        schedule = scheduled.schedule
        notice = Notice(
            title="“{name}” breaks its rule" if finding.is_broken else "“{name}” keeps its rule again",
            body="{sentence}",
            level="warning" if finding.is_broken else "success",
            url=f"/schedules/{schedule.id}",
            parameters={"name": schedule.name, "sentence": finding.sentence},
        )
        kept = await self._outlets.notices.keep(connection, schedule.owner_id, notice, kind=NoticeKind.SCHEDULED)
        refused = await opted_out(connection, schedule.id)
        for wish in scheduled.run.ordered.deliveries:
            words = AlertWords(
                name=schedule.name,
                finding=finding,
                result=result,
                wish=wish,
                url=f"{self._outlets.base}/schedules/{schedule.id}" if self._outlets.base else "",
                language=scheduled.owner.language,
                languages=self._outlets.languages,
            )
            await self._put(connection, scheduled, wish, words, refused)
        return [kept]

    async def _put(
        self,
        connection: AsyncConnection,
        scheduled: ScheduledRun,
        wish: DeliveryWish,
        words: AlertWords,
        refused: set[str],
    ) -> None:
        schedule_id, now = scheduled.schedule.id, self._clock()
        if wish.via is not DeliveryVia.MAIL:
            content = Placed(sealed=wish.sealed, message=words.message(), event_id=scheduled.run.id)
            await put_parcel(connection, content, subject=words.subject, now=now, schedule_id=schedule_id)
            return
        for address in wish.to:  # each a mail of their own: nobody sees who else is told
            if address.casefold() in refused or self._outlets.rules.problem_of(address) is not None:
                continue
            mail = words.mail(address, unsubscribe=self._outlets.carrying.unsubscribe(schedule_id, address))
            await put_parcel(connection, mail, subject=words.subject, now=now, schedule_id=schedule_id)


def _require_rule(plan: QueryPlan) -> None:
    rule = plan.rule
    if not rule.is_of_values:
        if rule.column or rule.limit is not None:
            raise wrong_field("query.rule.column", "Rows are counted, not compared: leave column and limit out.")
        return
    if not rule.column:
        raise wrong_field("query.rule.column", "Name the column whose value is compared.")
    if rule.limit is None or (isinstance(rule.limit, str) and not rule.limit.strip()):
        raise wrong_field("query.rule.limit", "Write the limit: a number, a day such as 2026-12-31, or a text.")
    if rule.when is not LimitIs.EQUAL and isinstance(rule.limit, str) and not _is_moment(rule.limit):
        raise wrong_field("query.rule.limit", "Above and below are for numbers and days, such as 2026-12-31.")


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _require_ways(deliveries: Sequence[DeliveryWish]) -> None:
    for place, wish in enumerate(deliveries):
        if wish.via not in ALERT_VIAS:
            raise wrong_field(f"deliveries[{place}].via", "Alerts go by mail, webhook or chat.")
        if wish.to_column:
            raise wrong_field(f"deliveries[{place}].to_column", "Alerts go to addresses: name them in `to`.")
        if wish.to_dataset:
            raise wrong_field(f"deliveries[{place}].to_dataset", "Alerts go to addresses: name them in `to`.")
        if wish.rights is DeliveryRights.RECIPIENT:
            message = "What an alert says is found with its owner's rights, whoever reads it; leave this out."
            raise wrong_field(f"deliveries[{place}].rights", message)
        if wish.unless_empty:
            message = "A check of a query tells when its rule breaks: have it ask for rows, and leave this out."
            raise wrong_field(f"deliveries[{place}].unless_empty", message)
        for name in ("subject", "body"):
            _require_known(f"deliveries[{place}].{name}", PLACEHOLDER.findall(getattr(wish, name)))


def _require_known(field: str, found: Sequence[str]) -> None:
    """What nothing would be filled in for is no word of an alert."""
    unknown = [name for name in found if name not in ALERT_PLACEHOLDERS]
    if unknown:
        message = "There is no “{name}” to fill in; there are {names}."
        parameters: dict[str, object] = {"name": unknown[0], "names": ", ".join(ALERT_PLACEHOLDERS)}
        raise InvalidInput(errors=[FieldError(field=field, message=message, parameters=parameters)])
