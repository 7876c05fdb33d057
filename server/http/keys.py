"""Where everything stands in the aiohttp application: one typed key a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from server.auth.authenticator import Authenticator
from server.auth.credentials import Credentials
from server.http.readiness import Readiness
from server.languages import Languages
from server.metrics import LoopLag
from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.first_run import FirstRun
from server.operations.notifications import NotificationOperations
from server.settings import Settings
from server.storage.blobs import Blobs
from server.storage.database import Database

if TYPE_CHECKING:
    from server.http.endpoint import Endpoint

SETTINGS = web.AppKey("settings", Settings)
DATABASE = web.AppKey("database", Database)
BLOBS = web.AppKey("blobs", Blobs)
LOOP_LAG = web.AppKey("loop_lag", LoopLag)
LANGUAGES = web.AppKey("languages", Languages)
ENDPOINTS: web.AppKey[list[Endpoint]] = web.AppKey("endpoints", list)
READINESS = web.AppKey("readiness", Readiness)
CREDENTIALS = web.AppKey("credentials", Credentials)
AUTHENTICATOR = web.AppKey("authenticator", Authenticator)
ACCOUNTS = web.AppKey("accounts", AccountOperations)
ADMIN = web.AppKey("admin", AdminOperations)
FIRST_RUN = web.AppKey("first_run", FirstRun)
NOTIFICATIONS = web.AppKey("notifications", NotificationOperations)
