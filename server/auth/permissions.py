"""What somebody may do: roles of people, scopes of tokens, ownership of things."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum

from server.errors import Forbidden, NotFound


class Role(StrEnum):
    """What a user may do with what is theirs. Admins also see and manage everything of everybody."""

    VIEWER = "viewer"  # look at and download what is theirs
    EDITOR = "editor"  # also upload, import, write templates, generate
    ADMIN = "admin"


class Scope(StrEnum):
    """What a token may do, never more than its user. A session has all scopes."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)
SCOPES_OF_ROLE = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.EDITOR: frozenset({Scope.READ, Scope.WRITE}),
    Role.ADMIN: frozenset(Scope),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: known from the session cookie or the token alone, never from the request's content."""

    user_id: str
    user_name: str
    role: Role
    language: str
    time_zone: str = "UTC"
    scopes: frozenset[Scope] = ALL_SCOPES
    session_id: str | None = None
    token_id: str | None = None
    address: str = ""
    must_enrol: bool = False  # nothing else is open until they have a second factor
    known_at: float = field(default_factory=time.monotonic, compare=False)  # what came after may have changed it

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN and Scope.ADMIN in self.scopes

    def require_read(self) -> None:
        if Scope.READ not in self.scopes and Scope.WRITE not in self.scopes:
            raise Forbidden("This token may not read; make one with the scope “read”.")

    def require_write(self) -> None:
        """Raises `Forbidden` for viewers and for tokens without the scope."""
        if self.role is Role.VIEWER:
            raise Forbidden("Viewers may look but not change anything; ask an administrator for the role “editor”.")
        self.require_own_change()

    def require_own_change(self) -> None:
        """Viewers too may change what is their own account, but not with a token that may only read."""
        if Scope.WRITE not in self.scopes:
            if self.role is Role.VIEWER:  # no token of theirs could
                raise Forbidden("Tokens of viewers may only read; do this in the browser.")
            raise Forbidden("This token may not change anything; make one with the scope “write”.")

    def require_admin(self) -> None:
        if not self.is_admin:
            raise Forbidden("Only administrators may do this.")

    def may_see(self, owner_id: str) -> bool:
        return owner_id == self.user_id or self.is_admin

    def require_sight(self, owner_id: str) -> None:
        """Raises `NotFound`, not `Forbidden`: that something exists is already more than a stranger may know."""
        if not self.may_see(owner_id):
            raise NotFound


# Whoever has not signed in, at the doors that are open to all: owns nothing, may do nothing.
ANONYMOUS = Principal(user_id="", user_name="", role=Role.VIEWER, language="", scopes=frozenset())
