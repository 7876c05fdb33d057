"""What somebody orders: which reports, from which template, in which formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from server.delivery.wishes import DeliveryWish
from server.reports.work import (
    FileFormat,
)


class ParameterQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """SQL over your datasets; each row is one report, its columns are named like the parameters."""

    query: str


class BatchOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports to make. A parameter with `each` that a set leaves out gives one report per value.

    `owner` is whose template it is, when it is another's.
    """

    template: str
    owner: str | None = None
    parameters: list[dict[str, Any]] | ParameterQuery | None = None
    formats: Sequence[FileFormat] | None = None
    name: str = ""
    as_of: str = ""  # a day or RFC 3339; empty: the present moment
    deliveries: Sequence[DeliveryWish] = ()
    schedule_id: str | None = None  # whose readers may ask for no more of it


def formats_of(wanted: Sequence[str]) -> list[FileFormat]:
    return [name for name in get_args(FileFormat) if name in wanted]


def asked_parameters(order: BatchOrder) -> list[dict[str, Any]] | dict[str, Any] | None:
    """What the order asks for as JSON."""
    if isinstance(order.parameters, ParameterQuery):
        return {"query": order.parameters.query}
    return order.parameters
