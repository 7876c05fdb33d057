"""What administrators can ask for: users, the settings in force, and figures of every part."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from server import __version__
from server import settings as settings_module
from server.auth.audit import Audit
from server.auth.credentials import Credentials
from server.auth.passwords import password_problems
from server.auth.permissions import Principal, Role
from server.auth.users import User
from server.clock import utc_now
from server.errors import Conflict, InvalidInput, NotFound
from server.settings import Settings
from server.storage import tables
from server.storage.database import Database

_COUNTED = (
    tables.users,
    tables.sessions,
    tables.tokens,
    tables.uploads,
    tables.datasets,
    tables.templates,
    tables.batches,
    tables.reports,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInForce:
    """`value` is as text; a secret's is never shown, only whether it is set."""

    name: str
    environment: str
    value: str
    is_default: bool
    help: str


class AdminOperations:
    """`parts` are the `statistics()` of the running parts by their names."""

    def __init__(
        self,
        *,
        database: Database,
        credentials: Credentials,
        settings: Settings,
        parts: Mapping[str, Callable[[], object]],
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._passwords = credentials.passwords
        self._sessions = credentials.sessions
        self._tokens = credentials.tokens
        self._endings = credentials.endings
        self._settings = settings
        self._parts = parts

    async def users(
        self, principal: Principal, *, q: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[User], str | None, int]:
        """Users by name, the cursor of the next page, and how many there are in all."""
        principal.require_admin()
        found, total = await self._users.search(q=q, limit=limit + 1, after=cursor)
        next_cursor = found[limit - 1].name_key if len(found) > limit else None
        return found[:limit], next_cursor, total

    async def names(self, principal: Principal, user_ids: Collection[str]) -> dict[str, str]:
        """What these users are called, by their ids."""
        principal.require_admin()
        return await self._users.names(user_ids)

    async def user(self, principal: Principal, user_id: str) -> User:
        principal.require_admin()
        return await self._known(user_id)

    async def change_user(
        self,
        principal: Principal,
        user_id: str,
        *,
        role: Role | None = None,
        is_disabled: bool | None = None,
        password: str | None = None,
    ) -> User:
        """Change what is given. Whoever loses something is signed out everywhere at once.

        Raises `Conflict` when it would leave the server without an administrator.
        """
        user = await self.user(principal, user_id)
        # Before the transaction, since a new password is hashed for it: nobody else could write meanwhile.
        values = await self._changes(user, role=role, is_disabled=is_disabled, password=password)
        async with self._database.write() as connection:
            await self._users.lock_admins(connection)
            await self._users.change(connection, user_id, **values)
            if not await self._users.active_admins(connection):  # looked at after the change, in its transaction
                raise Conflict(
                    "This is the last administrator. Make somebody else one first.", code="last_administrator"
                )
            detail = {"role": role, "disabled": is_disabled, "password": password is not None}
            await Audit.record(connection, principal, "user.change", user.name, detail, subject_id=user_id)
        changed = await self._known(user_id)
        if _lost_something(user, changed, has_new_password=password is not None):
            kept = principal.session_id if user_id == principal.user_id and changed.is_active else None
            await self._sessions.end_all(user_id, but=kept)
        if not changed.is_active:
            await self._tokens.end_all(user_id)  # whoever is let in again later starts with none
            self._endings.user_ended(user_id)
        elif changed.role is not user.role:
            self._endings.rights_changed(user_id)  # what is open with a session or token that goes on
        return changed

    def settings(self, principal: Principal) -> list[SettingInForce]:
        principal.require_admin()
        return [self._in_force(setting) for setting in settings_module.described()]

    async def statistics(self, principal: Principal) -> dict[str, Any]:
        """Counts of what is stored and the figures of every running part."""
        principal.require_admin()
        disk = shutil.disk_usage(self._settings.data)
        parts = {name: statistics() for name, statistics in self._parts.items()}
        return {
            "version": __version__,
            "at": utc_now(),
            "stored": await self._counts(),
            "jobs_by_state": await self._jobs_by_state(),
            "disk": {"total_bytes": disk.total, "free_bytes": disk.free},
            **parts,
        }

    async def _changes(
        self, user: User, *, role: Role | None, is_disabled: bool | None, password: str | None
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if role is not None:
            values["role"] = role
        if is_disabled is not None:
            values["disabled_at"] = (user.disabled_at or utc_now()) if is_disabled else None
        if password is not None:
            if problems := password_problems(password, user_name=user.name):
                raise InvalidInput(errors=problems)
            values["password_hash"] = await self._passwords.hash(password)
        if not values:
            raise InvalidInput("Say what should change: role, disabled or password.")
        return values

    async def _known(self, user_id: str) -> User:
        user = await self._users.get(user_id)
        if user is None:
            raise NotFound
        return user

    def _in_force(self, setting: dataclasses.Field[Any]) -> SettingInForce:
        value = getattr(self._settings, setting.name)
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        if setting.metadata["secret"] and value:
            shown = "(set)"
        return SettingInForce(
            name=setting.name,
            environment=settings_module.environment_name(setting.name),
            value=shown,
            is_default=value == setting.default,
            help=setting.metadata["help"],
        )

    async def _counts(self) -> dict[str, int]:
        columns = [
            sa.select(sa.func.count()).select_from(table).scalar_subquery().label(table.name) for table in _COUNTED
        ]
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(*columns))).one()
        return dict(row._mapping)

    async def _jobs_by_state(self) -> dict[str, int]:
        state = tables.jobs.c.state
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(state, sa.func.count()).group_by(state))
            return {row[0]: row[1] for row in rows}


def _lost_something(before: User, after: User, *, has_new_password: bool) -> bool:
    was_demoted = before.role is Role.ADMIN and after.role is not Role.ADMIN
    return has_new_password or was_demoted or not after.is_active
