"""What lies in a batch's zip, for people (`index.html`) and for programs (`index.csv`): also what could not be made."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from server.datasets.formula_like import harmless
from server.jobs.job import State
from server.reports.as_of import moment_told
from server.reports.batches import BatchHead, BatchReport
from server.reports.formats import Formats
from server.reports.parameter_texts import value_text
from server.texts import Translate, told

INDEX_NAMES = ("index.html", "index.csv")
_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;
max-width:70rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem;margin:0}p{margin:.25rem 0 1.5rem;opacity:.75}
table{border-collapse:collapse;width:100%}th,td{text-align:start;vertical-align:top;padding:.5rem .75rem;
border-block-end:1px solid color-mix(in srgb,currentColor 18%,transparent);overflow-wrap:anywhere}
th,td:first-child,td:last-child{overflow-wrap:normal;white-space:nowrap}
td:first-child{font-variant-numeric:tabular-nums;opacity:.6}.failed td:nth-child(3){color:light-dark(#b3261e,#ff8a80)}
a{color:light-dark(#1a56db,#8ab4ff);margin-inline-end:.75rem}@media(max-width:40rem){thead{display:none}
tr,td{display:block}td{border:0;padding:.1rem 0}tr{padding:.75rem 0;border-block-end:1px solid #8884}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A report, and by format the name of its file in the zip."""

    report: BatchReport
    files: Mapping[str, str] = field(default_factory=dict)


def index_files(batch: BatchHead, listed: Sequence[Listed], *, gettext: Translate) -> dict[str, bytes]:
    """By name. `gettext` is that of the batch's language."""
    page, table = INDEX_NAMES
    return {page: _page(batch, listed, gettext).encode(), table: _table(batch, listed, gettext).encode("utf-8-sig")}


def _table(batch: BatchHead, listed: Sequence[Listed], gettext: Translate) -> str:
    parameters = list(dict.fromkeys(name for each in listed for name in each.report.parameters))
    target = io.StringIO()
    writer = csv.writer(target)
    names = [f"parameters.{name}" for name in parameters]
    writer.writerow(["position", "title", "state", "error_code", "error", *batch.formats, *names])
    for each in listed:
        report = each.report
        cells = [
            str(report.position),
            report.title,
            report.state.value,
            report.error.code if report.error else "",
            _reason(report, gettext),
            *(each.files.get(name, "") for name in batch.formats),
            *(_cell(report.parameters.get(name)) for name in parameters),
        ]
        writer.writerow([harmless(cell) for cell in cells])
    return target.getvalue()


def _page(batch: BatchHead, listed: Sequence[Listed], gettext: Translate) -> str:
    heads = (gettext("No."), gettext("Report"), gettext("State"), gettext("Files"))
    row = "".join(f"<th>{escape(head)}</th>" for head in heads)
    title, lead = escape(batch.name), escape(summary(batch, [each.report for each in listed], gettext))
    return (
        f'<!doctype html><html lang="{escape(batch.language)}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1><p>{lead}</p>"
        f"<table><thead><tr>{row}</tr></thead><tbody>{''.join(_rows(listed, gettext))}</tbody></table></html>\n"
    )


def _rows(listed: Sequence[Listed], gettext: Translate) -> Iterator[str]:
    for each in listed:
        report = each.report
        links = "".join(f'<a href="{quote(name)}">{format_.upper()}</a>' for format_, name in each.files.items())
        yield (
            f'<tr class="{report.state.value}"><td>{report.position}</td><td>{escape(report.title)}</td>'
            f"<td>{escape(outcome(report, gettext))}</td><td>{links}</td></tr>"
        )


def summary(batch: BatchHead, reports: Sequence[BatchReport], gettext: Translate) -> str:
    """How many reports were made, as of when."""
    made = sum(report.state is State.SUCCEEDED for report in reports)
    count = max(batch.tally.total, len(reports))  # `reports` may be those alone that somebody is shown
    formats = Formats(batch.language, batch.time_zone)
    when = moment_told(batch.clock.astimezone(formats.zone), formats, is_as_of=batch.as_of is not None)
    return gettext("{made} of {count} reports were made, as of {when}.").format(made=made, count=count, when=when)


def outcome(report: BatchReport, gettext: Translate) -> str:
    """Its state in words, and why it failed."""
    return ": ".join(filter(None, (_states(gettext)[report.state], _reason(report, gettext))))


def _states(gettext: Translate) -> dict[State, str]:
    return {
        State.QUEUED: gettext("Not made yet"),
        State.RUNNING: gettext("Not made yet"),
        State.SUCCEEDED: gettext("Made"),
        State.FAILED: gettext("Failed"),
        State.CANCELLED: gettext("Cancelled"),
    }


def _reason(report: BatchReport, gettext: Translate) -> str:
    return told(report.error.message, report.error.parameters, gettext) if report.error else ""


def _cell(value: object) -> str:
    return "" if value is None else value_text(value)
