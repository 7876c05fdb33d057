"""Which jobs somebody means: the conditions of a list, of counts, and of what is done with many at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, cast, or_, select

from server.jobs.job import Completeness, State
from server.storage.tables import jobs, users

_TOLD_PARAMETERS = ("dataset", "template", "name")  # by which people know what it was about


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """`text`: each of its words is looked for in title, message, kind, error, dataset, template and the
    owner's name.

    `since` and `until` are of creation; `ids` are those and no others; `cursor` is `next_cursor`.
    """

    owner_id: str | None = None
    states: Sequence[State] = ()
    outcomes: Sequence[Completeness] = ()
    kinds: Sequence[str] = ()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    ids: Sequence[str] | None = None
    limit: int = 50
    cursor: str | None = None


def conditions_of(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """All of them must be so."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.owner_id is not None:
        conditions.append(jobs.c.owner_id == wanted.owner_id)
    if wanted.states:
        conditions.append(jobs.c.state.in_([state.value for state in wanted.states]))
    if wanted.outcomes:
        conditions.append(jobs.c.outcome.in_([outcome.value for outcome in wanted.outcomes]))
    if wanted.kinds:
        conditions.append(jobs.c.kind.in_(wanted.kinds))
    if wanted.since is not None:
        conditions.append(jobs.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(jobs.c.created_at < wanted.until)
    if wanted.ids is not None:
        conditions.append(jobs.c.id.in_(wanted.ids))
    conditions += map(_mentions, wanted.text.split())
    return conditions


def _mentions(word: str) -> ColumnElement[bool]:
    error, parameters = jobs.c.error, jobs.c.parameters
    texts = [jobs.c.title, jobs.c.message, jobs.c.kind, error["code"].as_string(), error["message"].as_string()]
    texts += [parameters[name].as_string() for name in _TOLD_PARAMETERS]
    found = [each.icontains(word, autoescape=True) for each in texts]
    # What an error's message is filled with is JSON, in which letters beyond ASCII may be written as numbers.
    filled = cast(error["parameters"], Text)
    found += [filled.icontains(written, autoescape=True) for written in {word, json.dumps(word)[1:-1]}]
    owners = select(users.c.id).where(users.c.name.icontains(word, autoescape=True))
    return or_(*found, jobs.c.owner_id.in_(owners))
