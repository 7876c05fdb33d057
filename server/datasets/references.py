"""Columns of other datasets in which values must occur: found for the owner of an import, fetched for its worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.datasets.catalog import Catalog
from server.datasets.dataset import Version
from server.datasets.file_work import ReferenceFiles
from server.datasets.schema import Column, ColumnSpec, Reference
from server.errors import FieldError, InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundReference:
    """What a column's values are held against: a column of the current version of a dataset."""

    of: str
    version: Version
    column: Column


async def find_references(catalog: Catalog, user_id: str, specs: Sequence[ColumnSpec]) -> list[FoundReference]:
    """Raises `InvalidInput` at the columns whose reference is neither theirs nor shared with them."""
    found: list[FoundReference] = []
    errors: list[FieldError] = []
    for place, spec in enumerate(specs):
        if spec.reference is None:
            continue
        wanted = spec.reference
        if wanted.owner is None:
            dataset = await catalog.find(user_id, wanted.dataset)
        else:
            dataset = await catalog.find_open(user_id, wanted.owner, wanted.dataset)
        column = next((c for c in dataset.columns if c.name == wanted.column), None) if dataset else None
        if dataset is None or column is None:
            errors.append(_missing(f"options.columns[{place}].reference", wanted, has_dataset=bool(dataset)))
        else:
            found.append(FoundReference(of=spec.name, version=dataset.current, column=column))
    if errors:
        problems = " ".join(error.text for error in errors)
        message = "A reference leads nowhere: {problems}"
        raise InvalidInput(message, code="reference_missing", errors=errors, problems=problems)
    return found


@asynccontextmanager
async def fetched_references(
    catalog: Catalog, found: Sequence[FoundReference]
) -> AsyncIterator[dict[str, ReferenceFiles]]:
    """By the name of the column that refers."""
    async with AsyncExitStack() as stack:
        yield {
            one.of: ReferenceFiles(
                dataset=one.version.dataset,
                column=one.column.name,
                type=one.column.type,
                paths=await stack.enter_async_context(catalog.fetched(one.version.files)),
            )
            for one in found
        }


def _missing(field: str, wanted: Reference, *, has_dataset: bool) -> FieldError:
    message = (
        "The dataset “{dataset}” has no column “{column}”."
        if has_dataset
        else "You have no dataset “{dataset}” whose values could be looked up."
    )
    return FieldError(field=field, message=message, parameters={"dataset": wanted.dataset, "column": wanted.column})
