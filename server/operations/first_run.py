"""The first administrator: by a one-time code from the console, or from the settings. There is no default password."""

from __future__ import annotations

import sqlalchemy as sa

from server.auth.audit import Audit, Via
from server.auth.permissions import Role
from server.auth.secret_words import hash_of, is_same, new_secret
from server.auth.users import User, UserStore
from server.clock import utc_now
from server.errors import ConfigurationError, Conflict, Forbidden, InvalidInput
from server.operations.accounts import AccountOperations, require_no
from server.storage import tables
from server.storage.database import Database
from server.storage.rows import insert_or_get

_NAME = "setup_code"
_TABLE = tables.secrets


class FirstRun:
    def __init__(self, *, database: Database, users: UserStore, accounts: AccountOperations) -> None:
        self._database = database
        self._users = users
        self._accounts = accounts
        self.code: str | None = None  # of this start, for the console

    async def prepare(self, *, admin_user: str, admin_password: str) -> None:
        """At start: make the administrator the settings name, or else a new one-time code, if there is none yet."""
        if await self._users.has_admin():
            await self._forget_code()
            return
        if admin_user:
            await self._create_from_settings(admin_user, admin_password)
            return
        self.code = new_secret()
        values = {"value": hash_of(self.code), "created_at": utc_now()}
        async with self._database.write() as connection:
            _, is_new = await insert_or_get(connection, _TABLE, {"name": _NAME, **values}, key=("name",))
            if not is_new:  # of an earlier start, or of another node's: the newest counts
                await connection.execute(_TABLE.update().where(_TABLE.c.name == _NAME).values(values))

    async def is_pending(self) -> bool:
        """Whether there is no administrator yet."""
        return not await self._users.has_admin()

    async def is_code(self, code: str) -> bool:
        async with self._database.read() as connection:
            stored = await connection.scalar(sa.select(_TABLE.c.value).where(_TABLE.c.name == _NAME))
        return stored is not None and is_same(code, stored)

    async def create_admin(
        self, code: str, *, name: str, password: str, language: str | None, time_zone: str, address: str = ""
    ) -> User:
        """Use the code up; raises `Forbidden` when it is wrong or was used, `InvalidInput` for wrong fields."""
        if not await self.is_code(code):
            raise wrong_setup_code()
        user = await self._accounts.prepared_user(
            name=name, password=password, role=Role.ADMIN, language=language, time_zone=time_zone
        )
        async with self._database.write() as connection:
            # Two people may press the button at once: whoever deletes the row has used the code.
            used = _TABLE.delete().where(_TABLE.c.name == _NAME, _TABLE.c.value == hash_of(code))
            if (await connection.execute(used)).rowcount != 1:
                raise wrong_setup_code()
            require_no(await self._users.add(connection, user))
            detail = {"role": Role.ADMIN, "by": "set-up code"}
            await Audit.record(
                connection, Via.STRANGER, "user.create", user.name, detail, subject_id=user.id, address=address
            )
        self.code = None
        return user

    async def _create_from_settings(self, name: str, password: str) -> None:
        try:
            await self._accounts.create_user(None, name=name, password=password, role=Role.ADMIN)
        except (InvalidInput, Conflict) as error:
            if await self._users.has_admin():
                return  # another node that starts on the same database has just made them
            reasons = "; ".join(f"{problem.field}: {problem.text}" for problem in error.errors)
            raise ConfigurationError(
                "JINDU_ADMIN_USER and JINDU_ADMIN_PASSWORD cannot be used. {reasons}", reasons=reasons
            ) from error

    async def _forget_code(self) -> None:
        async with self._database.write() as connection:
            await connection.execute(_TABLE.delete().where(_TABLE.c.name == _NAME))


def wrong_setup_code() -> Forbidden:
    return Forbidden(
        "This set-up link is not valid. Open the whole link that the server printed on its console when it last "
        "started. On the server's machine “jindu admin invite --role admin” prints another one at once; so does a "
        "restart.",
        code="setup_code_wrong",
    )
