"""How the columns of a file differ from those of the dataset that it is added to: told before the import begins."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import msgspec

from server.datasets.file_work import PreviewColumn
from server.datasets.notations import differs
from server.datasets.schema import Column, ColumnType

_ALIKE = 0.8  # of `difflib`: `customer name` is `Customer_Name`, and `amont` most likely `amount`


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the dataset that seems to have another name in the file."""

    dataset: str
    file: str


class Retyped(msgspec.Struct, frozen=True, kw_only=True):
    """A column whose values look like another type than it has in the dataset."""

    name: str
    dataset: ColumnType
    file: ColumnType


class Rewritten(msgspec.Struct, frozen=True, kw_only=True):
    """A column whose values are written otherwise than in the dataset, so that they should not be added up: percentages
    and plain numbers, currencies, times with and without an offset. Both as `notations` of columns tell it.
    """

    name: str
    dataset: list[str]
    file: list[str]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """`lost` are columns that the file does not have, `added` those that the dataset does not have."""

    lost: list[str] = []
    added: list[str] = []
    renamed: list[Renamed] = []
    types: list[Retyped] = []
    notations: list[Rewritten] = []

    @property
    def names(self) -> dict[str, str]:
        """Of renamed columns: what the dataset calls each."""
        return {each.file: each.dataset for each in self.renamed}

    def __bool__(self) -> bool:
        return bool(self.lost or self.added or self.renamed or self.types or self.notations)


def difference(existing: Sequence[Column], found: Sequence[PreviewColumn]) -> Difference:
    """By name, whatever its case; never by position, which puts values under wrong names."""
    in_file = {column.name.casefold(): column for column in found}
    in_dataset = {column.name.casefold(): column for column in existing}
    lost = [column.name for column in existing if column.name.casefold() not in in_file]
    added = [column.name for column in found if column.name.casefold() not in in_dataset]
    renamed = list(_renamed(lost, added))
    gone = {each.dataset for each in renamed} | {each.file for each in renamed}
    return Difference(
        lost=[name for name in lost if name not in gone],
        added=[name for name in added if name not in gone],
        renamed=renamed,
        types=[
            Retyped(name=column.name, dataset=column.type, file=in_file[key].type)
            for key, column in in_dataset.items()
            if key in in_file and not _fits(in_file[key].type, column.type)
        ],
        notations=[
            Rewritten(name=column.name, dataset=list(column.notations or ()), file=list(in_file[key].notations))
            for key, column in in_dataset.items()
            if key in in_file and differs(column.notations, in_file[key].notations)
        ],
    )


def _renamed(lost: Sequence[str], added: Sequence[str]) -> list[Renamed]:
    """Each name once, the most alike first."""
    pairs = sorted(((_likeness(old, new), old, new) for old in lost for new in added), key=lambda pair: -pair[0])
    found: list[Renamed] = []
    for likeness, old, new in pairs:
        is_free = all(each.dataset != old and each.file != new for each in found)
        if likeness >= _ALIKE and is_free:
            found.append(Renamed(dataset=old, file=new))
    return found


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, _letters(one), _letters(other)).ratio()


def _letters(name: str) -> str:
    """What is left when only the way of writing it differs."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _fits(found: ColumnType, wanted: ColumnType) -> bool:
    """Whether values that look like `found` are values of `wanted` as well."""
    return found == wanted or wanted == "text" or (found, wanted) in _WIDER


_WIDER = {("integer", "decimal"), ("integer", "float"), ("decimal", "float"), ("date", "datetime")}
