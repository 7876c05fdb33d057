"""Deletes what lies partly in the database and partly in files, also when the disk is so full that neither can grow."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.errors import StorageFull
from server.storage.blob_store import StorageAway

_LOG = logging.getLogger("jindu.storage")
T = TypeVar("T")


async def delete_whole(*, forget: Callable[[], Awaitable[T]], remove: Callable[[], Awaitable[None]]) -> T:
    """`forget` the thing in the database, then `remove` its files; both may be repeated.

    Without room to forget it, its files go first and make some. If it then still cannot be forgotten, what is left is
    a thing without files, which can be deleted again. Where files lie elsewhere and cannot be reached, they are left:
    nobody can delete again what is forgotten, and `doctor` names them.
    """
    try:
        forgotten = await forget()
    except StorageFull:
        await remove()
        return await forget()
    try:
        await remove()
    except StorageAway:
        _LOG.warning("files of what was deleted are left in the store: see doctor", extra={"action": "delete"})
    return forgotten
