"""Everybody who may stand to a shared thing in a way of their own."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

Client = aiohttp.ClientSession


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    alice: Client
    looks: Client
    edits: Client
    member: Client
    viewer: Client
    stranger: Client
    admin: Client
