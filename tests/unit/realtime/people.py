"""Connections of people over links that can be looked into, without a server or database."""

from __future__ import annotations

from typing import Any

from server.auth.permissions import Principal, Role
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from tests.unit.realtime.links import MemoryLink


def person(name: str, *, role: Role = Role.EDITOR, language: str = "en", **known: Any) -> Principal:
    return Principal(user_id=name, user_name=name, role=role, language=language, **known)


def manager_of(**limits: Any) -> ConnectionManager:
    return ConnectionManager(LiveLimits(**limits))


def join(
    manager: ConnectionManager,
    name: str,
    client_id: str = "tab",
    *,
    role: Role = Role.EDITOR,
    language: str = "en",
    transport: str = "",
) -> MemoryLink:
    link = MemoryLink()
    link.connection = manager.new_connection(
        client_id=client_id, principal=person(name, role=role, language=language), language=language, link=link
    )
    link.connection.transport = transport
    manager.connect(link.connection)
    return link
