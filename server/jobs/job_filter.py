"""Which jobs somebody means: the conditions of a list, of counts, and of what is done with many at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, func, not_, or_

from server.jobs.job import OF_SCRIPTS, Completeness, State
from server.jobs.mentions import Mentions
from server.storage.searching import require_few
from server.storage.sounding import have_sounds, is_said
from server.storage.tables import batch_words, batches, findables, jobs

# A quotation mark that nobody has closed yet reaches to the end: people are still typing.
_TERM = re.compile(r'(?P<without>-)?(?:["“”](?P<phrase>[^"“”]*)(?:["“”]|$)|(?P<word>[^\s"“”]+))')
_REASON_CHARACTERS = 120
ERROR_CODE = jobs.c.error["code"].as_string()


def _without_numbers(text: ColumnElement[str]) -> ColumnElement[str]:
    """Two that differ in nothing but numbers say the same."""
    for digit in "0123456789":
        text = func.replace(text, digit, "#")
    for _ in range(_REASON_CHARACTERS.bit_length()):  # each halves the longest
        text = func.replace(text, "##", "#")
    return text


# What a script says is a reason of its own; whatever else ends a job has a code for each.
REASON: ColumnElement[str] = case(
    (
        jobs.c.kind == OF_SCRIPTS,
        _without_numbers(func.substr(func.coalesce(jobs.c.error["message"].as_string(), ""), 1, _REASON_CHARACTERS)),
    ),
    else_="",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """`text`: each of its words is looked for in title, message, kind, error, dataset, template, titles,
    parameters and errors of reports, and the owner's name; `"some words"` stand together, and what begins with `-` must
    not be there.

    `since` and `until` are of creation, `ended_since` and `ended_until` of the end; `errors` are codes, `reason` is a
    `REASON`; `ids` are those and no others; `cursor` is `next_cursor`.
    """

    owner_id: str | None = None
    states: Sequence[State] = ()
    outcomes: Sequence[Completeness] = ()
    kinds: Sequence[str] = ()
    errors: Sequence[str] = ()
    reason: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None
    ids: Sequence[str] | None = None
    limit: int = 50
    cursor: str | None = None


def conditions_of(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """All of them must be so."""
    return [*_choices(wanted), *_times(wanted), *_terms(wanted.text)]


def _choices(wanted: JobFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.owner_id is not None:
        yield jobs.c.owner_id == wanted.owner_id
    if wanted.states:
        yield jobs.c.state.in_([state.value for state in wanted.states])
    if wanted.outcomes:
        yield jobs.c.outcome.in_([outcome.value for outcome in wanted.outcomes])
    if wanted.kinds:
        yield jobs.c.kind.in_(wanted.kinds)
    if wanted.errors:
        yield ERROR_CODE.in_(wanted.errors)
    if wanted.reason:
        yield REASON.in_((wanted.reason,))
    if wanted.ids is not None:
        yield jobs.c.id.in_(wanted.ids)


def _times(wanted: JobFilter) -> Iterator[ColumnElement[bool]]:
    for column, since, until in (
        (jobs.c.created_at, wanted.since, wanted.until),
        (jobs.c.finished_at, wanted.ended_since, wanted.ended_until),
    ):
        if since is not None:
            yield column >= since
        if until is not None:
            yield column < until


def _terms(text: str) -> Iterator[ColumnElement[bool]]:
    terms = list(_TERM.finditer(text))
    require_few(text, len(terms))
    wanted = {((term["phrase"] or term["word"] or "").strip(), bool(term["without"])): None for term in terms}
    for words, is_without in wanted:  # each once, in their order
        if words in ("", "-"):  # the beginning of something
            continue
        condition = _mentions(words)
        yield not_(condition) if is_without else condition


def _mentions(words: str) -> ColumnElement[bool]:
    """Never null, so that its opposite is true of a job without an error."""
    return or_(Mentions(words), *_sounds_like(words.casefold()))


def _sounds_like(words: str) -> Iterator[ColumnElement[bool]]:
    yield is_said(findables.c.job_id == jobs.c.id, words)
    if sounding := have_sounds(batch_words.c.words, words):
        of_job = (batches.c.job_id == jobs.c.id, batch_words.c.batch_id == batches.c.id)
        yield exists().where(*of_job, or_(*sounding))
