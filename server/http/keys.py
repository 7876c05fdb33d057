"""Where everything stands in the aiohttp application: one typed key a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from server.auth.authenticator import Authenticator
from server.auth.credentials import Credentials
from server.auth.devices import Devices
from server.datasets.catalog import Catalog
from server.http.answers_under_way import AnswersUnderWay
from server.http.open_sockets import OpenSockets
from server.http.readiness import Readiness
from server.jobs.external import ExternalJobs
from server.jobs.kinds import JobKinds
from server.jobs.runner import JobRunner
from server.jobs.shared_workers import SharedWorkers
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live import Live
from server.metrics import LoopLag
from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.batches import BatchOperations
from server.operations.connections import ConnectionOperations
from server.operations.datasets import DatasetOperations
from server.operations.events import EventOperations
from server.operations.external_jobs import ExternalJobOperations
from server.operations.first_run import FirstRun
from server.operations.imports import ImportOperations
from server.operations.jobs import JobOperations
from server.operations.notifications import NotificationOperations
from server.operations.queries import QueryOperations
from server.operations.samples import SampleOperations
from server.operations.templates import TemplateOperations
from server.operations.uploads import UploadOperations
from server.operations.usage import UsageOperations
from server.realtime.history import History
from server.realtime.manager import ConnectionManager
from server.settings import Settings
from server.storage.blobs import Blobs
from server.storage.database import Database
from server.storage.quotas import Quotas
from server.storage.room import Room
from server.uploads.files import UploadStore
from server.uploads.receiving import Receiver

if TYPE_CHECKING:
    from server.http.endpoint import Endpoint
    from server.http.openapi import ApiDocument

SETTINGS = web.AppKey("settings", Settings)
DATABASE: web.AppKey[Database] = web.AppKey("database")
BLOBS = web.AppKey("blobs", Blobs)
ROOM = web.AppKey("room", Room)
QUOTAS = web.AppKey("quotas", Quotas)
LOOP_LAG = web.AppKey("loop_lag", LoopLag)
LANGUAGES = web.AppKey("languages", Languages)
ENDPOINTS: web.AppKey[list[Endpoint]] = web.AppKey("endpoints", list)
API_DOCUMENT: web.AppKey[ApiDocument] = web.AppKey("api_document")
OPEN_SOCKETS = web.AppKey("open_sockets", OpenSockets)
READINESS = web.AppKey("readiness", Readiness)
DEVICES = web.AppKey("devices", Devices)
CREDENTIALS = web.AppKey("credentials", Credentials)
AUTHENTICATOR = web.AppKey("authenticator", Authenticator)
ACCOUNTS = web.AppKey("accounts", AccountOperations)
ADMIN = web.AppKey("admin", AdminOperations)
FIRST_RUN = web.AppKey("first_run", FirstRun)
NOTIFICATIONS = web.AppKey("notifications", NotificationOperations)
STATISTICS: web.AppKey[dict[str, Callable[[], object]]] = web.AppKey("statistics", dict)  # part → its `statistics`
JOB_KINDS = web.AppKey("job_kinds", JobKinds)
JOB_TABLE = web.AppKey("job_table", JobTable)
JOB_STORE = web.AppKey("job_store", JobStore)
RUNNER = web.AppKey("runner", JobRunner)
EXTERNAL = web.AppKey("external", ExternalJobs)
WORKERS = web.AppKey("workers", SharedWorkers)  # for jobs
INTERACTIVE = web.AppKey("interactive", SharedWorkers)  # for previews and queries: no page waits behind an import
ANSWERS = web.AppKey("answers", AnswersUnderWay)
JOBS = web.AppKey("jobs", JobOperations)
EXTERNAL_JOBS = web.AppKey("external_jobs", ExternalJobOperations)
EVENTS = web.AppKey("events", EventOperations)
CONNECTIONS = web.AppKey("connections", ConnectionManager)
PRESENCE = web.AppKey("presence", ConnectionOperations)
HISTORY = web.AppKey("history", History)
LIVE = web.AppKey("live", Live)
TEMPLATES = web.AppKey("templates", TemplateOperations)
BATCHES = web.AppKey("batches", BatchOperations)
UPLOAD_STORE = web.AppKey("upload_store", UploadStore)
RECEIVER = web.AppKey("receiver", Receiver)
UPLOADS = web.AppKey("uploads", UploadOperations)
CATALOG = web.AppKey("catalog", Catalog)
DATASETS = web.AppKey("datasets", DatasetOperations)
IMPORTS = web.AppKey("imports", ImportOperations)
QUERIES = web.AppKey("queries", QueryOperations)
USAGE = web.AppKey("usage", UsageOperations)
SAMPLES = web.AppKey("samples", SampleOperations)
