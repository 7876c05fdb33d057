"""What the rest of the program needs of a database: transactions that write, views that read, the newest tables."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import StorageFull, Unavailable


class DatabaseAway(Unavailable):
    """The database does not answer at this moment; try again shortly."""

    code = "database_away"


class OtherSchema(Unavailable):
    """The tables are those of another version of this program: a node of that version serves people."""

    code = "other_schema"


NODE = "jindu node "
"""How the name begins under which a node that serves is known to a database that others use as well."""
OF_LEASES = 2
"""Connections of a node beside those of its pools (`engines/lease_lines.py`)."""
NOT_NOW = (StorageFull, DatabaseAway)
"""What a transaction raises that may well succeed later; the database itself says it in the log."""
NOT_STORED = (SQLAlchemyError, *NOT_NOW)
"""What a transaction raises that the database could not take; whoever can do it again later catches all of them."""


class Database(Protocol):
    """Transactions for the rest of the program, on whichever engine `server.app` chose.

    Both ways in raise `StorageFull` when the database has no room left, and `DatabaseAway` when it does not answer.
    """

    @property
    def place(self) -> str:
        """Where it is, for people: no password is in it."""
        ...

    def write(self, *, shared: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        Nobody else writes meanwhile, on any node. With `shared`, others that are shared too may: what such a
        transaction reads and then relies on must be locked, conditional or unique (`storage.rows`).
        """
        ...

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A consistent, read-only view of the database."""
        ...

    async def migrate(self, revision: str | None = None) -> None:
        """Bring the tables to the newest shape; safe to repeat, and done before anything else at start.

        An older `revision` is for an empty database that takes what was stored by an older version.
        """
        ...

    async def require_newest(self) -> None:
        """Instead of `migrate`, where somebody else does that: raises `ConfigurationError` for tables of any other
        shape than the newest, and changes nothing."""
        ...

    async def is_cut(self) -> bool:
        """Whether what the last process stored may be missing, as after a backup was put back; asked after `migrate`.

        Also when there is no telling. From now on this process answers for the database, until `close`.
        """
        ...

    async def leave(self) -> None:
        """What is stored goes on elsewhere: should this one be begun with again, it is cut."""
        ...

    async def size_bytes(self) -> int:
        """What it takes on its disk, with what it has written and not yet put in order."""
        ...

    async def close(self) -> None: ...
