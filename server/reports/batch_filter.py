"""Which batches somebody means, and which of their reports: the conditions of lists, counts, files and deeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from server.auth.access import Whose
from server.jobs.job import Completeness, State
from server.reports.batch_rows import SHOWN_STATE
from server.reports.report_values import OF_BATCH
from server.storage.searching import holds, mentions, searched
from server.storage.sounding import have_sounds
from server.storage.tables import batch_words, batches, jobs, report_values, reports

BatchCondition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFilter:
    """`text`: each of its words is in a batch's name or template, or in the title or a value of a report of it.

    `values` are those of parameters: one of each name has to be a report's. A batch is meant when all of this is so of
    one of its reports, and the reports meant are those of which it is. `states` and `outcomes` are of the batch's job:
    one of either. `is_of_nothing`: something was asked for that there cannot be.
    """

    whose: Whose = Whose.MINE_AND_SHARED
    owner: str | None = None
    text: str = ""
    templates: Sequence[str] = ()
    states: Sequence[State] = ()
    outcomes: Sequence[Completeness] = ()
    report_states: Sequence[State] = ()
    values: Sequence[tuple[str, str]] = ()
    since: datetime | None = None
    until: datetime | None = None
    is_of_nothing: bool = False

    @property
    def chooses_reports(self) -> bool:
        """Whether it may mean some reports of a batch and not others."""
        return bool(self.values or self.report_states or self.text.strip())


def of_batches(wanted: BatchFilter) -> list[BatchCondition]:
    """Of a query of batches with their jobs."""
    return [*_of_batch_alone(wanted), *_of_some_report(wanted)]


def of_reports(wanted: BatchFilter) -> list[BatchCondition]:
    """Of a query of reports with their batches and jobs."""
    return [*_of_batch_alone(wanted), *chosen_reports(wanted)]


def chosen_reports(wanted: BatchFilter) -> list[BatchCondition]:
    """Which reports of the batches that are meant."""
    found = [_has_value(name, texts) for name, texts in _by_name(wanted.values).items()]
    if wanted.report_states:
        stored = {each.value for state in wanted.report_states for each in _STORED_AS.get(state, (state,))}
        found.append(reports.c.state.in_(sorted(stored)))
        found.append(SHOWN_STATE.in_([state.value for state in wanted.report_states]))
    return [*found, *(sa.or_(_in_batch(word), _in_report(word)) for word in searched(wanted.text))]


def _of_batch_alone(wanted: BatchFilter) -> Iterator[BatchCondition]:
    if wanted.is_of_nothing:
        yield sa.false()
    if wanted.templates:
        yield batches.c.template_name.in_(wanted.templates)
    if wanted.states or wanted.outcomes:
        states, outcomes = [each.value for each in wanted.states], [each.value for each in wanted.outcomes]
        yield sa.or_(jobs.c.state.in_(states), jobs.c.outcome.in_(outcomes))
    yield from (_mentions(word) for word in searched(wanted.text))
    if wanted.since is not None:
        yield batches.c.created_at >= wanted.since
    if wanted.until is not None:
        yield batches.c.created_at < wanted.until


_STORED_AS = {
    State.QUEUED: (State.QUEUED, State.RUNNING),
    State.CANCELLED: (State.CANCELLED, State.QUEUED, State.RUNNING),
}
"""What a report that is shown as such may be stored as: for the index, which knows no more."""


def _of_some_report(wanted: BatchFilter) -> Iterator[BatchCondition]:
    by_name = _by_name(wanted.values)
    words = searched(wanted.text)
    if by_name:  # found by their index; with nothing else to ask it is all
        name, texts = next(iter(by_name.items()))
        others = [_has_value(each, more, report_values.c.report_id) for each, more in list(by_name.items())[1:]]
        yield batches.c.id.in_(sa.select(report_values.c.batch_id).where(*_is_value(name, texts), *others))
    if words or wanted.report_states:
        one = sa.exists().where(reports.c.batch_id == batches.c.id, *chosen_reports(wanted))
        if by_name or wanted.report_states:
            yield one
        else:  # also of one that has no reports yet
            yield sa.or_(sa.and_(*(_in_batch(word) for word in words)), one)


def _by_name(values: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in values:
        found.setdefault(name, []).append(text)
    return found


def _is_value(name: str, texts: Sequence[str]) -> list[BatchCondition]:
    return [report_values.c.name == name, report_values.c.value.in_(texts)]


def _has_value(name: str, texts: Sequence[str], report_id: sa.ColumnElement[Any] = reports.c.id) -> BatchCondition:
    return report_id.in_(sa.select(report_values.c.report_id).where(*_is_value(name, texts)))


def _in_batch(word: str) -> BatchCondition:
    named = [mentions(each, word) for each in (batches.c.name, batches.c.template_name)]
    sounding = have_sounds(batch_words.c.words, word.casefold(), before=OF_BATCH)
    if not sounding:
        return sa.or_(*named)
    return sa.or_(*named, batches.c.id.in_(sa.select(batch_words.c.batch_id).where(sa.or_(*sounding))))


def _in_report(word: str) -> BatchCondition:
    return sa.or_(holds(reports.c.words, word.casefold()), *have_sounds(reports.c.words, word.casefold()))


def _mentions(word: str) -> BatchCondition:
    """What has to be so of a batch, whichever report it is: one look at each batch spares many at its reports."""
    words = batch_words.c.words
    has_word = sa.or_(holds(words, word.casefold()), *have_sounds(words, word.casefold()))
    return batches.c.id.in_(sa.select(batch_words.c.batch_id).where(has_word))
