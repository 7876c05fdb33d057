"""What goes after a time: one line a kind of thing, in the order in which they are swept."""

from __future__ import annotations

from server.app.reports import ReportParts
from server.app.storage import StorageParts
from server.app.uploads import UploadParts
from server.auth.old_audit import OldAddresses, OldAuditLines
from server.clock import Clock, utc_now
from server.datasets.old_rejects import OldRejects
from server.datasets.old_versions import OldVersions
from server.jobs.old_jobs import OldJobs, OldLogs
from server.operations.retention import Retention, Rule
from server.reports.old_batches import OldBatches
from server.settings import Settings
from server.storage.keeping import Keeping
from server.uploads.old_uploads import OldUploads, RefusedUploads


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
    )
    rules = [Rule(keeping=keeping, days=getattr(settings, name), setting=name) for name, keeping in kinds]
    return Retention(rules, database=database, clock=clock)
