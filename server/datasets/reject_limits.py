"""How many rows of a file may be rejected before its import is given up: a number, or a share of all rows."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

PERCENT_PATTERN = r"^(?:100|[0-9]{1,2}(?:[.][0-9]{1,3})?)[ ]?%$"
_PERCENT = re.compile(PERCENT_PATTERN)

RejectLimit = (
    Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0})]
    | Annotated[str, msgspec.Meta(pattern=PERCENT_PATTERN)]
)


def is_percent(text: str) -> bool:
    return _PERCENT.fullmatch(text) is not None


def percent_of(share: float) -> str:
    """The other way round."""
    return f"{round(share * 100, 3):g}%"


def share_of(limit: int | str) -> float | None:
    """0.05 of `5%`; None of a number of rows."""
    return float(limit.rstrip("% ")) / 100 if isinstance(limit, str) else None
