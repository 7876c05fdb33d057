"""Values of parameters as they are stored, as texts."""

from __future__ import annotations

from typing import Any


def value_text(value: Any) -> str:
    """Of one as it is stored: for titles and lists of reports, in no language."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value['from']} – {value['to']}" if isinstance(value, dict) else str(value)
