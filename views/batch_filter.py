"""The filters of batches and their reports, in addresses of pages and in the API alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct
from multidict import MultiMapping

from server.auth.access import Whose
from server.auth.permissions import Principal
from server.auth.saved_views import FIELDS, ViewedList
from server.jobs.job import Completeness, State
from server.reports.batch_filter import BatchFilter
from views.api.owners import Owner
from views.api.reports import StateName

BatchStateName = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]
CreatedSpan = Literal["today", "7d", "month", "last-month"]
ValueText = Annotated[str, Meta(pattern="^[^=]+=.", max_length=300)]
_Text = Annotated[str, Meta(max_length=300)]
_BATCHES = FIELDS[ViewedList.BATCHES]
_NO_FILTERS = ("by", "whose")  # which list it is, rather than what of it
_WEEK_DAYS = 7


class BatchCriteria(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`state` is that of a batch's newest job (`partial`: done, but not all of it), `report_state` that of a report.
    `value` is one of a parameter, as `region=Europe`; several of one parameter: one of them. Whatever is asked about
    reports has to be so of one report of a batch. `q`: each word is in the name or template of a batch, or in the title
    or the values of a report. `created` and the days `from` and `to` are of the order, in your time zone.

    `whose`: only your own (`mine`), what others `shared` with you, your `favourites`, or, for administrators, `all`
    there are; `owner`: what you may see of this user.
    """

    template: tuple[_Text, ...] = ()
    state: tuple[BatchStateName, ...] = ()
    report_state: tuple[StateName, ...] = ()
    value: tuple[ValueText, ...] = ()
    created: CreatedSpan | None = None
    from_: date | None = None
    to: date | None = None
    whose: Literal["mine", "shared", "favourites", "all"] | None = None
    owner: Owner | None = None
    q: _Text | None = None

    def filter(self, zone: ZoneInfo, now: datetime) -> BatchFilter:
        since, until = _span(self.created, now.astimezone(zone).date())
        firsts, lasts = [day for day in (since, self.from_) if day], [day for day in (until, self.to) if day]
        return BatchFilter(
            whose=Whose(self.whose or ""),
            owner=self.owner,
            text=self.q or "",
            templates=self.template,
            states=[State(each) for each in self.state if each != "partial"],
            outcomes=[Completeness.PARTIAL] if "partial" in self.state else [],
            report_states=[State(each) for each in self.report_state],
            values=[parted_value(each) for each in self.value],
            since=_begin(max(firsts), zone) if firsts else None,
            until=_end(min(lasts), zone) if lasts else None,
        )


def parted_value(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _span(created: CreatedSpan | None, today: date) -> tuple[date | None, date | None]:
    """The first and the last day."""
    this_month = today.replace(day=1)
    if created == "today":
        return today, None
    if created == "7d":
        return today - timedelta(days=_WEEK_DAYS - 1), None
    if created == "month":
        return this_month, None
    if created == "last-month":
        last = this_month - timedelta(days=1)
        return last.replace(day=1), last
    return None, None


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _end(day: date, zone: ZoneInfo) -> datetime | None:
    return _begin(day + timedelta(days=1), zone) if day < date.max else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfPage:
    """What the address of a page says. `senseless` are those of its filters that nothing can fit."""

    query: Mapping[str, Sequence[str]]
    criteria: BatchCriteria
    senseless: Sequence[tuple[str, str]]
    view: str = ""  # by which the list was opened

    @property
    def is_filtered(self) -> bool:
        return any(name not in _NO_FILTERS for name in self.query)

    @property
    def by_report(self) -> bool:
        return "report" in self.query.get("by", ())

    def filter(self, zone: ZoneInfo, now: datetime) -> BatchFilter:
        found = self.criteria.filter(zone, now)
        return _nothing(found) if self.senseless else found

    def first(self, name: str) -> str:
        return next(iter(self.query.get(name, ())), "")

    def pairs(self, *left_out: str) -> list[tuple[str, str]]:
        return [(name, text) for name, texts in self.query.items() if name not in left_out for text in texts]

    @property
    def _view(self) -> list[tuple[str, str]]:
        return [("view", self.view)]

    def address(self, path: str = "/batches", **more: str) -> str:
        return with_query(path, [*self.pairs(*more), *more.items(), *self._view])

    def without(self, name: str, text: str) -> str:
        return with_query("/batches", [pair for pair in self.pairs() if pair != (name, text)] + self._view)

    def with_value(self, name: str, value: str) -> str:
        return with_query("/batches", [*self.pairs(), ("value", f"{name}={value}"), *self._view])


def asked_of_page(given: MultiMapping[str], principal: Principal) -> AskedOfPage:
    """What makes no sense finds nothing and can be taken away: else a mistake would show everything."""
    query = {
        name: texts
        for name in _BATCHES
        if (texts := list(dict.fromkeys(text for each in given.getall(name, []) if (text := each.strip()))))
    }
    if "all" in query.get("whose", ()) and not principal.is_admin:
        del query["whose"]
    values: dict[str, Any] = {}
    senseless: list[tuple[str, str]] = []
    for name, kind in _kinds().items():
        good = [text for text in query.get(name, ()) if _fits(text, kind)]
        senseless += [(name, text) for text in query.get(name, ()) if text not in good]
        if good:
            values[name] = good if name in _SEVERAL else good[0]
    return AskedOfPage(
        query=query,
        criteria=msgspec.convert(values, BatchCriteria, strict=False),
        senseless=senseless,
        view=given.get("view", ""),
    )


_SEVERAL = ("template", "state", "report_state", "value")


def _kinds() -> dict[str, Any]:
    """By field, what one text of it has to be."""
    kinds = {info.encode_name: info.type for info in msgspec.structs.fields(BatchCriteria)}
    return {name: get_args(kind)[0] for name, kind in kinds.items()}


def _fits(text: str, kind: Any) -> bool:
    try:
        msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _nothing(wanted: BatchFilter) -> BatchFilter:
    return BatchFilter(whose=wanted.whose, is_of_nothing=True)


def with_query(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    said = [(name, text) for name, text in pairs if text]
    return f"{path}?{urlencode(said)}" if said else path
