"""What somebody can ask for about their own account, its settings and its password; and how accounts are made."""

from __future__ import annotations

from typing import Any

from server.auth.audit import Audit, Via
from server.auth.credentials import Credentials
from server.auth.devices import Device
from server.auth.name_tries import NameTries
from server.auth.passwords import password_problems
from server.auth.permissions import Principal, Role
from server.auth.users import Clash, User, name_key
from server.clock import new_id, utc_now
from server.errors import Conflict, FieldError, InvalidInput, NotSignedIn
from server.languages import Languages
from server.operations.account_fields import language_problems, name_problems, time_zone_problems
from server.operations.password_step import PasswordStep
from server.storage.database import Database


class AccountOperations:
    def __init__(
        self, *, database: Database, credentials: Credentials, languages: Languages, password_step: PasswordStep
    ) -> None:
        self._database = database
        self._users = credentials.users
        self._passwords = credentials.passwords
        self._sessions = credentials.sessions
        self._languages = languages
        self._password_step = password_step
        self._name_tries = NameTries()

    async def me(self, principal: Principal) -> User:
        user = await self._users.get(principal.user_id)
        if user is None:
            raise NotSignedIn
        return user

    async def change_me(self, principal: Principal, changes: dict[str, Any]) -> User:
        """Change `name`, `language`, `time_zone`, `notifications`: those that `changes` holds.

        Raises `Conflict` for a name in use, `RateLimited` after many of them.
        """
        principal.require_own_change()
        problems = [
            *name_problems(changes.get("name")),
            *language_problems(changes.get("language"), self._languages),
            *time_zone_problems(changes.get("time_zone")),
        ]
        if problems:
            raise InvalidInput(errors=problems)
        plain = ("language", "time_zone", "notifications")
        values: dict[str, Any] = {key: changes[key] for key in plain if key in changes}
        if "name" in changes:
            values |= {"name": changes["name"], "name_key": name_key(changes["name"])}
        if values:
            async with self._database.write() as connection:
                if "name" in changes:
                    self._name_tries.require_patience(principal.user_id)
                    clash = await self._users.clash(connection, changes["name"], but=principal.user_id)
                    if clash is not None:
                        self._name_tries.failed(principal.user_id)
                    require_no(clash)
                await self._users.change(connection, principal.user_id, **values)
                detail = {"fields": [*changes]}
                await Audit.record(
                    connection,
                    principal,
                    "account.change",
                    principal.user_name,
                    detail,
                    subject_id=principal.user_id,
                )
        return await self.me(principal)

    async def change_password(self, principal: Principal, *, current: str, new: str) -> None:
        """Ends every other session, so that whoever knew the old password is out."""
        user = await self.confirm(principal, current)
        if problems := password_problems(new, user_name=user.name, field="new_password"):
            raise InvalidInput(errors=problems)
        password_hash = await self._passwords.hash(new)  # before the transaction: nobody else could write meanwhile
        async with self._database.write() as connection:
            await self._users.change(connection, user.id, password_hash=password_hash)
            await Audit.record(connection, principal, "account.password", user.name, subject_id=user.id)
        # Once it is stored: as long as the old password is good, nobody is thrown out.
        await self._sessions.end_all(user.id, but=principal.session_id)

    async def confirm(self, principal: Principal, password: str) -> User:
        """Before something by which a stranger at an open browser could stay: the password once more."""
        principal.require_own_change()
        user = await self.me(principal)
        try:
            # Whoever is signed in is known here; what others try at this name is not held against them.
            signed_in = Device(id=principal.session_id or principal.token_id or "", user_ids=(user.id,))
            return await self._password_step.prove(user.name, password, address=principal.address, device=signed_in)
        except NotSignedIn as error:
            wrong = FieldError(field="current_password", message="This is not your present password.")
            raise InvalidInput(errors=[wrong]) from error

    async def create_user(
        self,
        principal: Principal | None,
        *,
        name: str,
        password: str,
        role: Role,
        language: str | None = None,
        time_zone: str | None = None,
        by: Via = Via.SYSTEM,
    ) -> User:
        """Make an account. `principal` is None for whoever runs the server: first run, command line, environment.

        Raises `InvalidInput` naming `username`, `password`, `language` or `time_zone`; `Conflict` for a name in use.
        """
        if principal is not None:
            principal.require_admin()
        user = await self.prepared_user(name=name, password=password, role=role, language=language, time_zone=time_zone)
        async with self._database.write() as connection:
            require_no(await self._users.add(connection, user))
            await Audit.record(
                connection, principal or by, "user.create", user.name, {"role": role}, subject_id=user.id
            )
        return user

    async def prepared_user(
        self, *, name: str, password: str, role: Role, language: str | None, time_zone: str | None
    ) -> User:
        """A checked user with a hashed password, not stored yet."""
        problems = [
            *name_problems(name, field="username"),
            *password_problems(password, user_name=name),
            *language_problems(language, self._languages),
            *time_zone_problems(time_zone),
        ]
        if problems:
            raise InvalidInput(errors=problems)
        return User(
            id=new_id(),
            name=name,
            role=role,
            password_hash=await self._passwords.hash(password),
            created_at=utc_now(),
            language=language,
            time_zone=time_zone,
        )


def require_no(clash: Clash | None) -> None:
    """Raises `Conflict` when a name clashes."""
    if clash is Clash.TAKEN:
        taken = FieldError(field="username", message="Somebody has this name already.")
        raise Conflict("Somebody has this name already.", code="name_taken", errors=[taken])
    if clash is Clash.LOOKS_ALIKE:
        alike = FieldError(field="username", message="This looks like the name of somebody else; choose another.")
        raise Conflict("This looks like the name of somebody else; choose another.", code="name_taken", errors=[alike])
