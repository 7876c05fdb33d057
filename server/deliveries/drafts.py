"""Deliveries before they are frozen: which reports each holds and what is said of them, or why there is nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from server.deliveries.delivery import (
    MOST_LEFT_OUT_TOLD,
    MOST_REPORTS_TOLD,
    DeliveredFile,
    DeliveredReport,
    DeliveryContent,
    TriedMail,
)
from server.deliveries.planning import PlannedDelivery
from server.delivery.wishes import MOST_TRIED, DeliveryVia, TrialReader
from server.jobs.job import State
from server.reports.batches import Batch, BatchReport
from server.reports.parameter_texts import value_text
from server.texts import Phrase, phrase

_FILES_ATTACHED = 20
_MOST_FIGURES, _MOST_PARAMETERS = 6, 12
_TIME = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_NOT_MADE = (
    "“{name}” could not be made, so there was nothing to send.",
    "None of the {count} reports could be made, so there was nothing to send: {names}",
)
_NO_ROWS = ("Not sent: “{name}” has no rows.", "Not sent: none of the {count} reports has rows: {names}")
_REST_HAS_NO_ROWS = "Not sent: some of the reports could not be made, and the others have no rows: {names}"
_NOT_DONE = phrase("The reports were not all tried: their job was cancelled or failed. Make them again to send them.")
_ATTACHING = frozenset({DeliveryVia.MAIL})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDraft:
    """One that is about to be frozen: of which reports, and why it cannot be sent as it is."""

    planned: PlannedDelivery
    made: Sequence[BatchReport]
    empty: Sequence[BatchReport]
    row: dict[str, Any]
    problem: Phrase | None
    trial: TriedMail | None = None


def content_of(
    batch: Batch, draft: DeliveryDraft, list_name: str, labels: Mapping[str, str], *, mail_bytes: int
) -> DeliveryContent:
    """`list_name`: of the schedule that it comes by; `labels`: what its parameters are called by people. Files that go
    beyond `mail_bytes` as they are written in a mail are linked to instead."""
    planned, made, empty = draft.planned, draft.made, draft.empty
    is_told_in_part = planned.is_whole and planned.wish.via is not DeliveryVia.S3
    told = made[:MOST_REPORTS_TOLD] if is_told_in_part else made
    content = DeliveryContent(
        subject=planned.wish.subject,
        body=planned.wish.body,
        batch_name=batch.name,
        template=batch.template_name,
        period=_period(made),
        language=batch.language,
        time_zone=batch.time_zone,
        as_of=batch.clock,
        is_whole=planned.is_whole,
        attach=planned.wish.attach and planned.wish.via in _ATTACHING,
        report_ids=[report.id for report in made],
        reports=[_told(report, labels) for report in told],
        missing=sum(report.state is not State.SUCCEEDED for report in planned.reports),
        left_out=[report.title for report in empty[:MOST_LEFT_OUT_TOLD]],
        left_out_count=len(empty),
        list_name=list_name,
        path=planned.wish.path,
        rights=planned.wish.rights,
        trial=draft.trial,
    )
    files = content.files
    fits = sum(encoded_bytes(file.size) for file in files) <= mail_bytes
    is_small = fits and len(files) <= _FILES_ATTACHED and len(told) == len(made)
    return content if is_small or not content.attach else msgspec.structs.replace(content, attach=False, is_large=True)


def encoded_bytes(size: int) -> int:
    """In base64, in lines of 76 characters."""
    letters = -(-size // 3) * 4
    return letters + -(-letters // 76) * 2


def _told(report: BatchReport, labels: Mapping[str, str]) -> DeliveredReport:
    """`labels` are what its parameters are called by people."""
    figures = [figure for figure in report.figures if not figure.row] or report.figures
    return DeliveredReport(
        id=report.id,
        title=report.title,
        parameters=[
            (labels.get(name, name), value_text(value))
            for name, value in report.parameters.items()
            if value not in (None, "")
        ][:_MOST_PARAMETERS],
        figures=[(figure.label, figure.text) for figure in figures[:_MOST_FIGURES]],
        files=[
            DeliveredFile(
                name=file.file,
                format=file.format,
                media_type=file.type,
                size=file.size,
                sha256=file.sha256,
                blob=file.blob,
            )
            for file in report.artifacts
        ],
    )


def why_nothing(batch: Batch, planned: PlannedDelivery, empty: Sequence[BatchReport]) -> Phrase:
    """`empty` are those of its reports that are made, and left out."""
    if batch.job_state is not State.SUCCEEDED:
        return _NOT_DONE
    if not empty:
        return _about(planned.reports, _NOT_MADE)
    if len(empty) < len(planned.reports):
        return phrase(_REST_HAS_NO_ROWS, names=_names(empty))
    return _about(empty, _NO_ROWS)


def _about(reports: Sequence[BatchReport], words: tuple[str, str]) -> Phrase:
    """`words` are of one report, and of several."""
    if len(reports) == 1:
        return phrase(words[0], name=reports[0].title)
    return phrase(words[1], count=len(reports), names=_names(reports))


def _names(reports: Sequence[BatchReport]) -> str:
    names = ", ".join(report.title for report in reports[:MOST_LEFT_OUT_TOLD])
    return f"{names} …" if len(reports) > MOST_LEFT_OUT_TOLD else names


def with_trials(drafts: Iterable[DeliveryDraft], tried: Collection[int]) -> Iterator[DeliveryDraft]:
    """Of what somebody tries, the first that would go out, to them instead; and as many of those that would not, so
    that it is said why nothing comes. Once: what is made later is tried when somebody asks for it again."""
    trials: dict[TrialReader, list[DeliveryDraft]] = {}
    for each in drafts:
        if (reader := each.planned.wish.trial) is None:
            yield each
        elif each.planned.position not in tried:
            trials.setdefault(reader, []).append(each)
    for reader, own in trials.items():
        would_go = [each for each in own if each.problem is None]
        would_not = [each for each in own if each.problem is not None]
        trial = TriedMail(user_id=reader.user_id, sent=min(len(would_go), MOST_TRIED), total=len(would_go))
        shared = {"recipient": reader.address, "round": own[0].row["id"]}  # what does not come is told once a trial
        for each in (*would_go[:MOST_TRIED], *would_not[:MOST_TRIED]):
            yield replace(each, row=each.row | shared | {"trial_for": each.planned.recipient}, trial=trial)


def _period(reports: Sequence[BatchReport]) -> str:
    """The days or months that all of them are about, if their parameters say so."""
    if not reports:
        return ""
    for name, value in reports[0].parameters.items():
        is_time = isinstance(value, dict) or (isinstance(value, str) and _TIME.fullmatch(value))
        if is_time and all(report.parameters.get(name) == value for report in reports):
            return value_text(value)
    return ""
