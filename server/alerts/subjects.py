"""What rules can watch: the list of all there is, and by itself from which value on somebody is told.

A subject is one line here. `measure` reads it from what `measuring.py` has gathered of the whole, `measure_node` of
each node; None while nothing is known.
"""

from __future__ import annotations

from typing import Any

from server.alerts.subject import (
    GONE,
    AlertUnit,
    Cause,
    Measurements,
    MeasureNode,
    MeasureSubject,
    NodeFigures,
    WatchedSubject,
)
from server.metrics import quantile_of
from server.monitoring.metrics import BY_NAME
from server.monitoring.summing import MetricSample

LEAST_REFUSED = 20  # in the time that is looked at: of a handful of connections one that was refused is half of them
_LEAST_ENDED = 5  # jobs
_LEAST_FAILED = 10  # requests
_DAY_SECONDS = 86_400.0


def _sum(sample: MetricSample, name: str) -> float:
    return float(sample.get(name, 0))


def _failure_rate(found: Measurements, _target: str) -> float | None:
    accepted = _sum(found.five_minutes, "handshakes_accepted")
    refused = _sum(found.five_minutes, "handshakes_refused")
    if not found.five_minutes:
        return None
    return refused / (accepted + refused) if refused >= LEAST_REFUSED else 0.0


def _failed_jobs(found: Measurements, _target: str) -> float | None:
    ended, failed = _sum(found.hour, "jobs_ended"), _sum(found.hour, "jobs_failed")
    if not found.hour:
        return None
    return failed / ended if ended >= _LEAST_ENDED else 0.0


def _failed_requests(found: Measurements, _target: str) -> float | None:
    answered, failed = _sum(found.five_minutes, "requests"), _sum(found.five_minutes, "requests_failed")
    if not found.five_minutes:
        return None
    return failed / answered if failed >= _LEAST_FAILED else 0.0


def _disk_left(found: NodeFigures) -> float | None:
    free, total = found.five_minutes.get("disk_free"), found.five_minutes.get("disk_total")
    return free[0] / total[1] if free and total and total[1] else None


def _days_left(found: NodeFigures) -> float | None:
    if not found.is_disk_known:
        return None
    if found.disk_full_at is None:
        return 365.0  # not within a year
    return max(0.0, (found.disk_full_at - found.now).total_seconds() / _DAY_SECONDS)


def _memory(found: NodeFigures) -> float | None:
    sample = found.five_minutes
    if "machine_memory" not in sample or "memory" not in sample:
        return None
    levels = [sample[name] for name in ("memory", "worker_memory") if name in sample]
    return float(sum(total / count for _, _, total, count in levels)) / float(sample["machine_memory"][1])


def _most(name: str) -> MeasureNode:
    return lambda found: float(found.five_minutes[name][1]) if name in found.five_minutes else None


def _least(name: str) -> MeasureNode:
    return lambda found: float(found.five_minutes[name][0]) if name in found.five_minutes else None


def _p99(name: str) -> MeasureSubject:
    def measure(found: Measurements, _target: str) -> float | None:
        if not found.five_minutes:
            return None
        return quantile_of(BY_NAME[name].bounds, found.five_minutes.get(name, ()), 0.99) or 0.0

    return measure


def _in_an_hour(name: str) -> MeasureSubject:
    return lambda found, _target: _sum(found.hour, name) if found.hour else None


def _of_node_in_an_hour(name: str) -> MeasureNode:
    return lambda found: _sum(found.hour, name) if found.hour else None


def _backup_age(found: Measurements, _target: str) -> float | None:
    """Of those of each night as long as any node is to make some, and of those of schedules that are on: the newest."""
    keeps = found.five_minutes.get("keeps_backups")
    ages = [found.known.get("backup_age") if keeps and keeps[1] else None, found.known.get("scheduled_backup_age")]
    return min((age for age in ages if age is not None), default=None)


def _subject(name: str, label: str, cause: Cause, unit: AlertUnit, **rest: Any) -> WatchedSubject:
    return WatchedSubject(name=name, label=label, cause=cause, unit=unit, **rest)


SUBJECTS: tuple[WatchedSubject, ...] = (
    _subject(
        "connection_failure_rate",
        "Live connections refused",
        Cause.LIVE,
        AlertUnit.SHARE,
        threshold=0.01,
        seconds=300,
        measure=_failure_rate,
        most=1,
    ),
    _subject(
        "delivery_p99",
        "Delay of delivery, 99 of 100 within",
        Cause.LIVE,
        AlertUnit.SECONDS,
        threshold=1.0,
        seconds=300,
        measure=_p99("delivery"),
    ),
    _subject(
        "availability_24h",
        "Available in 24 hours",
        Cause.SERVER,
        AlertUnit.SHARE,
        threshold=0.999,
        seconds=0,
        measure=lambda found, _target: found.availability_24h,
        is_low_bad=True,
        most=1,
    ),
    _subject(
        "loop_lag",
        "Delay of the server itself",
        Cause.SERVER,
        AlertUnit.MILLISECONDS,
        threshold=1_000,
        seconds=120,
        measure_node=_most("loop_lag"),
    ),
    _subject(
        "requests_failed_share",
        "Requests that ended in an error of the server",
        Cause.SERVER,
        AlertUnit.SHARE,
        threshold=0.01,
        seconds=120,
        measure=_failed_requests,
        most=1,
    ),
    _subject(
        "job_waiting",
        "Longest wait for a turn in the queue",
        Cause.JOBS,
        AlertUnit.SECONDS,
        threshold=900,
        seconds=60,
        measure=lambda found, _target: found.longest_waiting_seconds,
    ),
    _subject(
        "jobs_failed_share",
        "Jobs that failed in an hour",
        Cause.JOBS,
        AlertUnit.SHARE,
        threshold=0.5,
        seconds=0,
        measure=_failed_jobs,
        most=1,
    ),
    _subject(
        "workers_died",
        "Worker processes that died in an hour",
        Cause.JOBS,
        AlertUnit.COUNT,
        threshold=3,
        seconds=0,
        measure_node=_of_node_in_an_hour("workers_died"),
    ),
    _subject(
        "script_silence",
        "No success of a script's job",
        Cause.JOBS,
        AlertUnit.SECONDS,
        threshold=90_000,
        seconds=0,
        measure=lambda found, target: found.script_silences.get(target),
        is_default=False,
        needs_target=True,
    ),
    _subject(
        "disk_left",
        "Room left on the disk",
        Cause.MACHINE,
        AlertUnit.SHARE,
        threshold=0.1,
        seconds=300,
        measure_node=_disk_left,
        is_low_bad=True,
        most=1,
    ),
    _subject(
        "disk_days",
        "Days until the disk is full",
        Cause.MACHINE,
        AlertUnit.DAYS,
        threshold=14,
        seconds=3_600,
        measure_node=_days_left,
        is_low_bad=True,
    ),
    _subject(
        "memory",
        "Memory that server and workers take",
        Cause.MACHINE,
        AlertUnit.SHARE,
        threshold=0.9,
        seconds=600,
        measure_node=_memory,
        most=1,
    ),
    _subject(
        GONE,
        "No sign of life",
        Cause.NODES,
        AlertUnit.SECONDS,
        threshold=30,
        seconds=30,
        measure_node=lambda found: found.unheard_seconds,
    ),
    _subject(
        "jobs_idle",
        "Nobody runs jobs",
        Cause.NODES,
        AlertUnit.SECONDS,
        threshold=60,
        seconds=30,
        measure=lambda found, _target: found.idle_seconds,
    ),
    _subject(
        "node_deaf",
        "No word of other nodes",
        Cause.NODES,
        AlertUnit.SECONDS,
        threshold=60,
        seconds=0,
        measure_node=lambda found: found.deaf_seconds,
    ),
    _subject(
        "files_away",
        "No store of files",
        Cause.NODES,
        AlertUnit.SECONDS,
        threshold=120,
        seconds=0,
        measure_node=lambda found: found.without_files_seconds,
    ),
    _subject(
        "sign_ins_refused",
        "Sign-ins refused in an hour",
        Cause.SERVER,
        AlertUnit.COUNT,
        threshold=500,
        seconds=0,
        measure=_in_an_hour("sign_ins_refused"),
    ),
    _subject(
        "backup_age",
        "Age of the last backup that was proven",
        Cause.UPKEEP,
        AlertUnit.SECONDS,
        threshold=1.5 * _DAY_SECONDS,
        seconds=0,
        measure=_backup_age,
    ),
    _subject(
        "certificate_days",
        "Days until the certificate ends",
        Cause.UPKEEP,
        AlertUnit.DAYS,
        threshold=14,
        seconds=0,
        measure_node=_least("certificate_days"),
        is_low_bad=True,
    ),
)
SUBJECT_BY_NAME = {subject.name: subject for subject in SUBJECTS}


def subject_named(name: str) -> WatchedSubject | None:
    """None for one that this version does not know, or not any more."""
    return SUBJECT_BY_NAME.get(name)
