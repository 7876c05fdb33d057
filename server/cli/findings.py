"""How findings are told: on a terminal with what to do below each, as JSON in one object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.care.findings import CareFinding, Gravity, exit_status
from server.cli.output import say, say_json

_OUTCOMES = ("fine", "warnings", "errors")
_ORDER = tuple(Gravity)


def tell_findings(findings: Sequence[CareFinding], *, as_json: bool, **more: Any) -> None:
    """The worst first."""
    in_order = sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
    outcome = _OUTCOMES[exit_status(findings)]
    if as_json:
        say_json({"outcome": outcome, "findings": msgspec.to_builtins(in_order), **more})
        return
    for finding in in_order:
        say(f"{finding.severity:<7}  {finding.code}: {finding.text}")
        if finding.advice:
            say(f"{'':<9}→ {finding.advice}")
    counts = {severity: sum(each.severity is severity for each in findings) for severity in Gravity}
    say(f"{outcome}: {counts[Gravity.ERROR]} errors, {counts[Gravity.WARNING]} warnings")
