"""Templates to begin with, made from a dataset: nothing is stored, and no file is read where its figures are known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from server.auth.permissions import Principal
from server.datasets.dataset import Dataset
from server.datasets.sql_text import quoted
from server.errors import InvalidInput
from server.operations.dataset_access import DatasetAccess
from server.operations.dataset_profiles import ProfileOperations
from server.reports.starting.choosing import each_offered
from server.reports.starting.columns import known_columns
from server.reports.starting.template import starting_template
from server.reports.template_store import TemplateStore, is_template_name, require_template_name


class StartedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A source, and a name that none of its owner's templates has."""

    name: str
    source: str
    each: Sequence[str] = ()
    """Columns of which there can be one report for each value."""


class TemplateStarts:
    """Started from the caller's own datasets, or from those of an `owner` who shared theirs."""

    def __init__(self, *, access: DatasetAccess, profiles: ProfileOperations, store: TemplateStore) -> None:
        self._access = access
        self._profiles = profiles
        self._store = store

    async def datasets(self, principal: Principal) -> Sequence[str]:
        """The names of those that can be chosen."""
        principal.require_read()
        return await self._access.names(principal)

    async def start(
        self,
        principal: Principal,
        dataset_name: str,
        *,
        owner: str | None = None,
        name: str = "",
        language: str = "en",
        each: str = "",
    ) -> StartedTemplate:
        """`each` is a column, for one report for each of its values.

        Raises `NotFound`, or `InvalidInput` for what cannot be a template's name, or no such column.
        """
        if name:
            require_template_name(name)
        dataset = await self._access.get(principal, dataset_name, owner)
        # In a thread: a dataset may have a thousand columns.
        source, offered = await asyncio.to_thread(
            _source, dataset, await self._figures(principal, dataset), language, each, _table(principal, dataset)
        )
        taken = await self._store.names(principal.user_id)
        return StartedTemplate(name=free_name(name or _name_from(dataset.name), taken), source=source, each=offered)

    async def _figures(self, principal: Principal, dataset: Dataset) -> Mapping[str, Mapping[str, Any]]:
        """By column. Nobody knows how many values are different once rows were appended: then they are counted."""
        kept = dataset.current.statistics
        if all("distinct" in (kept.get(column.name) or {}) for column in dataset.columns):
            return kept
        dataset, profiles = await self._profiles.get(principal, dataset.name, owner=dataset.owner)
        return {
            one.name: {
                "count": dataset.row_count - one.nulls,
                "nulls": one.nulls,
                "distinct": one.distinct,
                "min": one.min,
                "max": one.max,
                "mean": one.mean,
            }
            for one in profiles
        }


def _source(
    dataset: Dataset, figures: Mapping[str, Mapping[str, Any]], language: str, each: str, table: str
) -> tuple[str, list[str]]:
    columns = known_columns(dataset.columns, figures, dataset.column_notes)
    offered = each_offered(columns)
    if each and each not in offered:
        names = ", ".join(offered) or "–"
        raise InvalidInput(
            "There cannot be one report for each “{column}”; columns that fit are: {names}.", column=each, names=names
        )
    source = starting_template(
        dataset=dataset.name,
        description=dataset.description,
        columns=columns,
        language=language,
        each=each,
        table=table,
    )
    return source, offered


def _table(principal: Principal, dataset: Dataset) -> str:
    """What SQL calls it; nothing for one's own."""
    return "" if dataset.owner_id == principal.user_id else f"{quoted(dataset.owner)}.{quoted(dataset.name)}"


def _name_from(dataset: str) -> str:
    name = dataset.strip("_") or "report"
    return name if is_template_name(name) else f"{name}-report"


def free_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, with a number where it is taken."""
    name, copy = wanted, 2
    while name in taken:
        name, copy = f"{wanted[:57]}-{copy}", copy + 1  # a name has 63 characters; five digits are enough
    return name
