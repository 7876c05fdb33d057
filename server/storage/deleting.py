"""Deletes what lies partly in the database and partly in files, also when the disk is so full that neither can grow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.errors import StorageFull

T = TypeVar("T")


async def delete_whole(*, forget: Callable[[], Awaitable[T]], remove: Callable[[], Awaitable[None]]) -> T:
    """`forget` the thing in the database, then `remove` its files; both may be repeated.

    Without room to forget it, its files go first and make some. If it then still cannot be forgotten, what is left is
    a thing without files, which can be deleted again.
    """
    try:
        forgotten = await forget()
    except StorageFull:
        await remove()
        return await forget()
    await remove()
    return forgotten
