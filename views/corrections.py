"""The page on which rejected rows are corrected: a grid of their cells, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from server.auth.permissions import Principal
from server.datasets.reject_lists import Reject
from server.datasets.reject_rows import Cells, RejectedRow, are_same, mark_of
from server.errors import Conflict, Gone, InvalidInput
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import State
from server.numerals import whole_number
from server.operations.rejects import LeftRows, Tried
from views.context import render

_MOST_ROWS, _LEAST_ROWS, _MOST_CELLS = 50, 5, 1_200
_FORM_BYTES, _FORM_FIELDS = 2 * 1024 * 1024, 20_000
_CELL = re.compile(r"r(\d{1,15})\.(\d{1,5})")
_MARK = re.compile(r"was(\d{1,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A row as the grid shows it. `marked` are the places of its wrong cells; `is_given`: somebody has changed it.
    `mark` is that of the cells in the list.
    """

    line: int
    cells: Cells
    raw: str | None
    reasons: Sequence[Reject]
    marked: Collection[int]
    mark: str
    is_given: bool = False

    @property
    def has_own_text(self) -> bool:
        """Whether what stands in the file says more than the cells."""
        return any(reason.column is None for reason in self.reasons)


async def correction_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    job_id, given = request.match_info["job_id"], request.query
    operations = operations_of(request)
    state = await operations.imports.get(principal, job_id)
    if state.corrects is not None:
        raise web.HTTPSeeOther(f"/imports/{state.corrects}/correct?after={job_id}")
    template = "imports/_correct.html" if "fragment" in given else "imports/correct.html"
    try:
        after = given.get("after")
        tried = await operations.rejects.tried(principal, job_id, after) if after else None
        from_line = whole_number(given.get("from", ""))
        found = await _page(request, principal, job_id, given.get("cursor"), from_line)
    except (Conflict, Gone) as problem:
        status = 200 if "fragment" in given else problem.status
        values = {"state": state, "problem": problem, "found": None, "is_judging": False}
        return await render(request, template, status, **values)
    return await render(
        request,
        template,
        state=state,
        problem=None,
        found=found,
        tried=tried,
        is_judging=tried is not None and not tried.job.state.is_final,
        rows=_grid(found, tried),
        is_first=len(found.page.items) == found.left.count or ("cursor" not in given and from_line is None),
        from_line=from_line,
        places=_places(found),
    )


async def correct(request: web.Request) -> web.Response:
    """Judge what stands in the grid: the rows that were changed, or all of them when none was.

    Rows are told by their lines, wherever the list has them now; those that it has no more are sent as well, to be
    told so.
    """
    principal = require_principal(request, "write")
    job_id = request.match_info["job_id"]
    posted = await read_form(request, limit_bytes=_FORM_BYTES, max_fields=_FORM_FIELDS)
    given, marks = _posted(posted), _marks(posted)
    rejects = operations_of(request).rejects
    layout, listed = await rejects.rows_at(principal, job_id, given.keys())
    if not given:
        raise web.HTTPSeeOther(f"/imports/{job_id}/correct")
    sent = {line: _cells_of(listed.get(line), cells, len(layout.names)) for line, cells in given.items()}
    changed = {line: cells for line, cells in sent.items() if _is_changed(cells, marks.get(line), listed.get(line))}
    still_listed = {line: cells for line, cells in sent.items() if line in listed}
    job = await rejects.correct(principal, job_id, changed or still_listed or sent)
    query = urlencode({"from": min(given), "after": job.id})
    raise web.HTTPSeeOther(f"/imports/{job_id}/correct?{query}")


def _is_changed(cells: Cells, mark: str | None, listed: RejectedRow | None) -> bool:
    """Since the grid was shown. Without its mark, that it is as the list has it is all that can be known."""
    if mark is not None:
        return mark != mark_of(cells)
    return listed is None or not are_same(cells, listed.cells)


async def _page(
    request: web.Request, principal: Principal, job_id: str, cursor: str | None, from_line: int | None
) -> LeftRows:
    """From the start again where rows were added from the list since the cursor was given."""
    rejects = operations_of(request).rejects
    width = len((await rejects.left(principal, job_id)).layout.names)
    limit = max(_LEAST_ROWS, min(_MOST_ROWS, _MOST_CELLS // max(1, width)))
    try:
        return await rejects.rows(principal, job_id, limit=limit, cursor=cursor, from_line=from_line)
    except InvalidInput:
        return await rejects.rows(principal, job_id, limit=limit)


def _grid(found: LeftRows, tried: Tried | None) -> list[GridRow]:
    """The rows of the page; after a try in vain with the cells that were sent and what is wrong with these."""
    given: Mapping[int, Cells] = {}
    if tried is not None and tried.job.state in (State.FAILED, State.CANCELLED):
        given = tried.cells
    wrong = tried.wrong if tried is not None else {}
    places = _places(found)
    return [_grid_row(row, given.get(row.line), wrong.get(row.line, row).reasons, places) for row in found.page.items]


def _grid_row(row: RejectedRow, given: Cells | None, reasons: Sequence[Reject], places: Mapping[str, int]) -> GridRow:
    named = [name for reason in reasons for name in _named(reason, places)]
    return GridRow(
        line=row.line,
        cells=row.cells if given is None or len(given) != len(row.cells) else given,
        raw=row.raw,
        reasons=reasons,
        marked={places[name] for name in named if name in places},
        mark=mark_of(row.cells),
        is_given=given is not None,
    )


def _named(reason: Reject, places: Mapping[str, int]) -> list[str]:
    """The column, or several that must be unique together."""
    name = reason.column or ""
    return [name] if name in places else name.split(", ")


def _places(found: LeftRows) -> dict[str, int]:
    """Where the columns of the dataset stand in the file."""
    names = {name: place for place, name in enumerate(found.layout.names)}
    return {spec.name: names[spec.source or spec.name] for spec in found.left.options.columns or ()}


def _posted(form: Mapping[str, str]) -> dict[int, dict[int, str]]:
    rows: dict[int, dict[int, str]] = {}
    for name, text in form.items():
        if (match := _CELL.fullmatch(name)) is not None:
            rows.setdefault(int(match[1]), {})[int(match[2])] = text
    return rows


def _marks(form: Mapping[str, str]) -> dict[int, str]:
    return {int(match[1]): text for name, text in form.items() if (match := _MARK.fullmatch(name)) is not None}


def _cells_of(row: RejectedRow | None, posted: Mapping[int, str], width: int) -> Cells:
    """What somebody wrote; where it says the same, the cell as it was: fields end lines in their own way."""
    cells: Cells = row.cells if row is not None else [None] * width
    return [
        cell if place not in posted or are_same([posted[place]], [cell]) else posted[place].replace("\r\n", "\n")
        for place, cell in enumerate(cells)
    ]
