"""The fields of a schedule's form: what they ask for, and a schedule as the form would have been sent."""

from __future__ import annotations

from typing import Any, get_args

from server.http.forms import Form
from server.numerals import whole_number
from server.operations.schedule_wishes import DELIVERED
from server.reports.work import FileFormat
from server.schedules.plans import PLAN_FIELDS, RunsWhat
from server.schedules.schedule import DEFAULT_QUIET_SECONDS, Missed, Overlap, Schedule
from server.schedules.words import CronWords, Pattern, words_of
from server.schedules.workdays import DayOff, OnlyOn
from views.delivery_forms import form_of, wishes_of
from views.schedule_kinds import FORMS, kind_of
from views.template_forms import parameters_from

_MONTH = 31  # days there are at most
_WHEN_IMPORT, _WHEN_SCHEDULE = "import", "schedule"


def changes_of(form: Form, *, before: Schedule | None = None) -> dict[str, Any]:
    """What the form says; what it does not show, such as a query for the parameters, stays."""
    repeat, kind = form.get("repeat", ""), kind_of(form, before)
    quiet = whole_number(form.get("quiet_minutes", ""), at_most=24 * 60)
    changes: dict[str, Any] = {
        "name": form.get("name", "").strip(),
        "cron": "" if repeat in (_WHEN_IMPORT, _WHEN_SCHEDULE) else _cron(form, repeat),
        "after_import": form.get("after_import", "") if repeat == _WHEN_IMPORT else "",
        "after_schedule": form.get("after_schedule", "") if repeat == _WHEN_SCHEDULE else "",
        "time_zone": form.get("time_zone", ""),
        "quiet_seconds": DEFAULT_QUIET_SECONDS if quiet is None else quiet * 60,
        "missed": _one_of(Missed, form.get("missed", ""), Missed.ONCE),
        "overlap": _one_of(Overlap, form.get("overlap", ""), Overlap.QUEUE),
        **_workdays(form, has_times=repeat not in (_WHEN_IMPORT, _WHEN_SCHEDULE)),
    }
    if kind is not RunsWhat.BATCH:
        changes |= {"runs": kind, PLAN_FIELDS[kind]: FORMS[kind].plan(form, before.ordered if before else None)}
    if kind not in DELIVERED:
        return changes
    changes["deliveries"] = wishes_of(form, before.ordered.deliveries if before else ())
    if kind is not RunsWhat.BATCH:
        return changes
    formats = [name for name in get_args(FileFormat) if name in form.all("format")]
    if formats:
        changes["formats"] = formats
    wanted = before.ordered.parameters if before else None
    if isinstance(wanted, dict) or (isinstance(wanted, list) and len(wanted) > 1):
        return changes
    values = parameters_from(form.pairs())
    changes["parameters"] = [values] if values else None
    return changes


def _workdays(form: Form, *, has_times: bool) -> dict[str, Any]:
    """`days_off` is empty where it comes on these as well."""
    day_off = form.get("days_off", "")
    if not has_times or day_off not in list(DayOff):
        return {"only_on": OnlyOn.EACH, "calendar": "", "day_off": DayOff.SKIP}
    return {"only_on": OnlyOn.WORKDAYS, "calendar": form.get("calendar", ""), "day_off": DayOff(day_off)}


def _cron(form: Form, repeat: str) -> str:
    pattern = _one_of(Pattern, repeat, Pattern.OWN)
    return CronWords(
        pattern=pattern,
        time=form.get("time", ""),
        weekday=whole_number(form.get("weekday", ""), at_most=6) or 0,
        day=whole_number(form.get("day", ""), at_most=_MONTH) or 1,
        cron=form.get("cron", "").strip(),
    ).as_cron()


def _one_of(kind: Any, said: str, otherwise: Any) -> Any:
    return kind(said) if said in {each.value for each in kind} else otherwise


def filled(schedule: Schedule) -> Form:
    """The form as it would have been sent."""
    words = words_of(schedule.cron)
    repeat = words.pattern.value
    if schedule.dataset_name:
        repeat = _WHEN_IMPORT
    elif schedule.leader_id:
        repeat = _WHEN_SCHEDULE
    pairs = [
        ("name", schedule.name),
        ("repeat", repeat),
        ("time", words.time),
        ("weekday", str(words.weekday)),
        ("day", str(words.day)),
        ("cron", schedule.cron),
        ("after_import", schedule.dataset_name),
        ("after_schedule", schedule.leader_id or ""),
        ("time_zone", schedule.time_zone),
        ("quiet_minutes", str(schedule.quiet_seconds // 60)),
        ("missed", schedule.missed.value),
        ("overlap", schedule.overlap.value),
        ("days_off", schedule.day_off.value if schedule.calendar else ""),
        ("calendar", schedule.calendar),
        *(("format", each) for each in schedule.ordered.formats),
        *(FORMS[schedule.runs].filled(schedule.ordered) if schedule.runs in FORMS else ()),
        *form_of(schedule.ordered.deliveries),
    ]
    wanted = schedule.ordered.parameters
    if isinstance(wanted, list) and len(wanted) == 1:
        for name, value in wanted[0].items():
            pairs += [(f"p.{name}", str(each)) for each in (value if isinstance(value, list) else [value])]
    return Form(pairs)
