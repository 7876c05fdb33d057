"""What the form of a schedule asks beside when it comes, for each kind that is no batch: fields, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web

from server.errors import FieldError, InvalidInput
from server.http.forms import Form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.schedules.plans import BackupPlan, ImportPlan, LimitIs, QueryPlan, ReadAs, RunsWhat, Takes
from server.schedules.schedule import Ordered, Schedule
from views.owned import parted

_SAVED_OFFERED = 100


class KindForm(Protocol):
    """One kind."""

    async def context(self, request: web.Request) -> dict[str, Any]:
        """What its fields offer (`templates/schedules/_of_….html`)."""
        ...

    def plan(self, form: Form, before: Ordered | None) -> Any:
        """Raises `InvalidInput`. What the form does not show stays as it was."""
        ...

    def filled(self, ordered: Ordered) -> list[tuple[str, str]]:
        """The form as it would have been sent."""
        ...


class ImportPlanForm:
    async def context(self, request: web.Request) -> dict[str, Any]:
        principal = require_principal(request)
        operations = operations_of(request)
        places = operations.fetches.places(principal)
        return {"places": places, "existing": await operations.template_starts.datasets(principal)}

    def plan(self, form: Form, before: Ordered | None) -> ImportPlan:
        folder = form.get("folder", "")
        dataset, owner = parted(form.get("dataset", "").strip())
        kept = before.import_ if before else None
        mode = form.get("mode", "replace")
        plan: ImportPlan = _typed(
            ImportPlan,
            "import",
            {
                **({"folder": folder, "file": form.get("file", "").strip()} if folder else {}),
                **({} if folder else {"url": form.get("url", "").strip()}),
                "take": form.get("take", Takes.NEWEST) if folder else Takes.NEWEST,
                "dataset": dataset,
                "owner": owner,
                "mode": mode,
                "key": _parted(form.get("key", "")) if mode == "upsert" else [],
                "profile": form.get("profile", ReadAs.LAST),
                **({"options": msgspec.to_builtins(kept.options)} if kept else {}),
                "reject_limit": kept.reject_limit if kept else None,
            },
        )
        return plan

    def filled(self, ordered: Ordered) -> list[tuple[str, str]]:
        plan = ordered.import_
        if plan is None:
            return []
        return [
            ("folder", plan.folder or ""),
            ("file", plan.file or ""),
            ("url", plan.url or ""),
            ("take", plan.take.value),
            ("dataset", f"{plan.owner}:{plan.dataset}" if plan.owner else plan.dataset),
            ("mode", plan.mode),
            ("key", ", ".join(plan.key)),
            ("profile", plan.profile.value),
        ]


class QueryPlanForm:
    async def context(self, request: web.Request) -> dict[str, Any]:
        principal = require_principal(request)
        saved = await operations_of(request).queries.saved(principal, limit=_SAVED_OFFERED)
        return {"saved_queries": saved.items}

    def plan(self, form: Form, before: Ordered | None) -> QueryPlan:
        when = form.get("rule", LimitIs.ROWS)
        rule: dict[str, Any] = {"when": when}
        if when not in (LimitIs.ROWS, LimitIs.NO_ROWS):
            rule |= {"column": form.get("column", "").strip(), "limit": _limit(form.get("limit", "").strip())}
            rule["of"] = form.get("of", "first")
        given = {"sql": form.get("sql", ""), "rule": rule, "each_time": form.get("each_time") == "1"}
        plan: QueryPlan = _typed(QueryPlan, "query", given)
        return plan

    def filled(self, ordered: Ordered) -> list[tuple[str, str]]:
        plan = ordered.query
        if plan is None:
            return []
        return [
            ("sql", plan.sql),
            ("rule", plan.rule.when.value),
            ("column", plan.rule.column),
            ("limit", "" if plan.rule.limit is None else str(plan.rule.limit)),
            ("of", plan.rule.of),
            ("each_time", "1" if plan.each_time else ""),
        ]


class BackupPlanForm:
    async def context(self, request: web.Request) -> dict[str, Any]:
        require_principal(request).require_admin()
        return {}

    def plan(self, form: Form, before: Ordered | None) -> BackupPlan:
        plan: BackupPlan = _typed(BackupPlan, "backup", {"keep": form.get("keep", "").strip()})
        return plan

    def filled(self, ordered: Ordered) -> list[tuple[str, str]]:
        return [("keep", str(ordered.backup.keep))] if ordered.backup else []


FORMS: Mapping[RunsWhat, KindForm] = {
    RunsWhat.IMPORT: ImportPlanForm(),
    RunsWhat.QUERY: QueryPlanForm(),
    RunsWhat.BACKUP: BackupPlanForm(),
}


def kind_named(said: str) -> RunsWhat:
    """Reports, unless somebody says otherwise."""
    return RunsWhat(said) if said in set(RunsWhat) else RunsWhat.BATCH


def kind_of(form: Form, schedule: Schedule | None) -> RunsWhat:
    return schedule.runs if schedule is not None else kind_named(form.get("runs", ""))


def _typed(plan: type[Any], field: str, given: dict[str, Any]) -> Any:
    """What a form says is text: a field that is no such thing is named."""
    try:
        return msgspec.convert(given, plan, strict=False)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("$.")[2].partition("`")[0].partition("[")[0]
        message = "Fill in this field." if not given.get(where) else "This is not possible here."
        raise InvalidInput(errors=[FieldError(field=f"{field}.{where}", message=message)]) from None


def _limit(text: str) -> int | float | str:
    """A number, as people write one; else the text: a day, or what it is to be equal to."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parted(text: str) -> list[str]:
    return [part for part in map(str.strip, text.replace("，", ",").split(",")) if part]
