"""What is left of the rejects of an import, once some of them were corrected and added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.catalog_rows import LaterVersion, versions_after
from server.datasets.dataset import Version
from server.datasets.reject_rows import RejectLayout
from server.datasets.schema import ReadOptions
from server.errors import Conflict, Gone

_ADDING = ("append", "upsert")


class RejectsGone(Gone):
    """The list of rows that were left out is no longer kept; import the file again to see them."""

    code = "rejects_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectsLeft:
    """What is left of the rejects of an import: the list of the last of its `corrections`, or else its own.

    Without the lines that were `taken` since, by files that brought them back; all of them may have been. `came_back`
    counts all such rows.
    """

    of_import: Version
    corrections: Sequence[LaterVersion]
    taken: frozenset[int] = frozenset()
    are_all_taken: bool = False
    came_back: int = 0

    @property
    def version(self) -> Version | LaterVersion:
        return self.corrections[-1] if self.corrections else self.of_import

    @property
    def corrected(self) -> int:
        """How many rows were added."""
        return self.came_back + sum(int(version.corrects["rows"]) for version in self.corrections)

    @property
    def count(self) -> int:
        return 0 if self.are_all_taken else max(0, self.version.rejected_count - len(self.taken))

    @property
    def state(self) -> tuple[int, int]:
        """Another one once rows were added."""
        return self.version.number, self.came_back

    @property
    def has_list(self) -> bool:
        return not self.are_all_taken and self.version.rejected_count > 0

    @property
    def job_id(self) -> str:
        if self.version.job_id is None:
            raise RejectsGone
        return self.version.job_id

    @property
    def layout(self) -> RejectLayout:
        """Raises `Conflict` for an import of an older version of the program, whose list has no cells."""
        told = self.of_import.source.get("layout")
        if told is None:
            raise Conflict(
                "This list was made by an older version of the program and cannot be corrected here. Import the file "
                "again, or download the list.",
                code="not_correctable",
            )
        return msgspec.convert(told, RejectLayout)

    @property
    def options(self) -> ReadOptions:
        return msgspec.convert(self.of_import.source["options"], ReadOptions)


async def rejects_left(connection: AsyncConnection, of_import: Version) -> RejectsLeft:
    """Raises `Conflict` when the rows of that import are perhaps no longer those of its dataset."""
    later = await versions_after(connection, of_import)
    numbers = [version.number for version in later]
    is_whole = numbers == list(range(of_import.number + 1, of_import.number + 1 + len(later)))
    if not is_whole or any(version.mode not in _ADDING for version in later):
        raise Conflict(
            "“{name}” was replaced or restored since, so rows of this import can no longer be added to it. Import the "
            "file again.",
            code="dataset_replaced",
            name=of_import.dataset,
        )
    ours = [version for version in later if version.corrects.get("import_id") == of_import.job_id]
    listed = ours[-1].number if ours else of_import.number
    job_id = of_import.job_id or ""
    back = [(version.number, version.takes[job_id]) for version in later if job_id in version.takes]
    return RejectsLeft(
        of_import=of_import,
        corrections=ours,
        taken=frozenset(line for number, lines in back if number > listed for line in lines or ()),
        are_all_taken=any(lines is None for _, lines in back),
        came_back=sum(of_import.rejected_count if lines is None else len(lines) for _, lines in back),
    )
