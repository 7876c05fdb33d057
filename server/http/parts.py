"""What requests are answered from, under the application's one key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from aiohttp import web

from server.auth.authenticator import Authenticator
from server.auth.devices import Devices
from server.auth.permissions import Principal
from server.auth.refused_origins import RefusedOrigins
from server.base_path import BasePath
from server.http.answers_under_way import AnswersUnderWay
from server.http.asyncapi import LiveChannels
from server.http.bodies import Bodies
from server.http.drawing import Drawing
from server.http.open_sockets import OpenSockets
from server.http.readiness import Lack, Readiness
from server.http.static_files import StaticFiles
from server.http.traffic import HttpTraffic
from server.jobs.job import Job
from server.jobs.kinds import JobKinds
from server.languages import Languages
from server.operations.offered import Operations
from server.realtime.job_fields import JobFields
from server.realtime.limits import LiveLimits
from server.settings import Settings
from server.storage.database_watch import DatabaseWatch
from server.storage.room import Room

Recognised = Callable[[str, str, Callable[[], Awaitable[Principal]]], Awaitable[Principal]]
"""Whose a credential is that came from an address by no request of its own; see `RequestTurns.recognised`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """The parts of the house that handlers may use, and the web application's own.

    No database, runner or connection is among them: whatever a handler wants done, it asks an operation for. How the
    database is can be asked.
    """

    settings: Settings
    base_path: BasePath
    languages: Languages
    operations: Operations
    authenticator: Authenticator
    devices: Devices
    refused_origins: RefusedOrigins
    room: Room
    live_limits: LiveLimits
    live_channels: tuple[LiveChannels, ...]  # of each transport
    lacks: Callable[[], tuple[Lack, ...]]
    database: DatabaseWatch
    job_kinds: JobKinds
    job_fields: Callable[[Job, str, str], JobFields]
    """A job in a language, as the one with that id sees it."""

    readiness: Readiness
    open_sockets: OpenSockets
    answers: AnswersUnderWay
    bodies: Bodies
    in_turn_of: Callable[[str], AbstractAsyncContextManager[None]]
    """A turn at the event loop among the requests of the user with that id; raises `Unavailable` if it never comes."""

    recognised: Recognised
    traffic: HttpTraffic
    api_document: Callable[[], bytes]  # OpenAPI, as JSON
    drawing: Drawing
    static_files: StaticFiles


PARTS = web.AppKey("parts", WebParts)


def parts_of(request: web.Request) -> WebParts:
    return request.app[PARTS]


def operations_of(request: web.Request) -> Operations:
    return request.app[PARTS].operations
