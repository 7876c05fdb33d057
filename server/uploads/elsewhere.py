"""Files that lie elsewhere and that the server gets itself: in one of its folders, or at an address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a file is: at a `url` (https), or in a `folder` of the server.

    `file` is a name in the folder, which may have `*` and `?`; of several files the newest is meant. `unless` is the
    version that somebody has already, as an earlier fetch told it: nothing is fetched while it is the newest.
    """

    url: Annotated[str, msgspec.Meta(min_length=9, max_length=2_000)] | None = None
    folder: _Name | None = None
    file: _Name | None = None
    unless: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that is there. `size` is None where nobody says it; `version` changes when the file does."""

    name: str
    size: int | None
    media_type: str
    version: str | None
    chunks: AsyncIterator[bytes]


class Elsewhere(Protocol):
    """One kind of place. What goes wrong is `NotFetched`, or `NotFetchedNow` where it may go well later."""

    def require(self, place: Place) -> None:
        """Raises `InvalidInput` for a place that files are not fetched from."""

    def open(self, place: Place) -> AbstractAsyncContextManager[Found | None]:
        """The file, to be read inside the block; None when its version is `place.unless`."""
