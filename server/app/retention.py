"""What goes after a time: one line a kind of thing, in the order in which they are swept."""

from __future__ import annotations

from sqlalchemy import func, select

from server.app.reports import ReportParts
from server.app.storage import StorageParts
from server.app.uploads import UploadParts
from server.auth.old_audit import OldAddresses, OldAuditLines
from server.clock import Clock, utc_now
from server.datasets.old_rejects import OldRejects
from server.datasets.old_versions import OldVersions
from server.jobs.old_jobs import OldJobs, OldLogs
from server.operations.retention import Retention, Rule
from server.realtime.history_rules import NOTIFICATION, is_brief
from server.reports.old_batches import OldBatches
from server.reports.old_links import OldLinks
from server.settings import Settings
from server.storage.database import Database
from server.storage.keeping import CountedRows, Keeping
from server.storage.tables import samples, stream_messages
from server.uploads.old_uploads import OldUploads, RefusedUploads

_ROW_BYTES = 100  # beside what it says, with its places in the indexes


def build_retention(
    settings: Settings, *, storage: StorageParts, uploads: UploadParts, reports: ReportParts, clock: Clock = utc_now
) -> Retention:
    database, blobs = storage.database, storage.blobs
    kinds: tuple[tuple[str, Keeping], ...] = (
        ("upload_retention_days", OldUploads(database, uploads.receiver)),
        ("refused_upload_retention_days", RefusedUploads(database, uploads.receiver)),
        ("report_retention_days", OldBatches(database, reports.batches, blobs)),
        ("version_retention_days", OldVersions(database, blobs)),
        ("reject_retention_days", OldRejects(database, blobs)),
        ("log_retention_days", OldLogs(database)),
        ("job_retention_days", OldJobs(database)),  # after what needs its jobs
        ("audit_retention_days", OldAuditLines(database)),
        ("audit_address_days", OldAddresses(database)),
        ("link_retention_days", OldLinks(database)),
    )
    rules = [Rule(keeping=keeping, days=getattr(settings, name) or None, setting=name) for name, keeping in kinds]
    return Retention(rules, elsewhere=_elsewhere(settings, database), database=database, clock=clock)


def _elsewhere(settings: Settings, database: Database) -> list[Rule]:
    """What goes without the sweep: messages where they are kept, figures as they get old. 0 days keep none of it."""
    size, owner = func.length(stream_messages.c.body) + _ROW_BYTES, stream_messages.c.user_id
    told, brief = stream_messages.c.type == NOTIFICATION, is_brief(stream_messages)
    figures = func.length(samples.c.figures) + _ROW_BYTES
    notifications = CountedRows("notifications", database, select(stream_messages).where(told), size, owner=owner)
    messages = CountedRows("messages", database, select(stream_messages).where(brief), size, owner=owner)
    return [
        Rule(
            keeping=notifications,
            days=max(settings.notification_days, settings.history_days),
            setting="notification_days",
        ),
        Rule(keeping=messages, days=settings.history_days, setting="history_days"),
        Rule(
            keeping=CountedRows("figures", database, select(samples), figures),
            days=settings.monitoring_days,
            setting="monitoring_days",
        ),
    ]
