"""What comes by itself: who plans it, what it may be, and who begins it."""

from __future__ import annotations

import os
from socket import gethostname

from server.app.jobs import JobParts
from server.app.live import LiveParts
from server.app.storage import StorageParts
from server.app.uploads import UploadParts
from server.auth.access import ThingAccess
from server.care.backup_commands import BackupCommands
from server.clock import Clock, new_id, utc_now
from server.operations.batch_orders import BatchOrderOperations
from server.operations.dataset_access import DatasetAccess
from server.operations.delivery_checks import DeliveryChecks
from server.operations.delivery_trials import DeliveryTrials
from server.operations.imports import ImportOperations
from server.operations.queries import QueryOperations
from server.operations.schedule_planning import SchedulePlanning
from server.operations.schedule_runs.backups import BackupRuns
from server.operations.schedule_runs.batch import BatchRuns
from server.operations.schedule_runs.imports import ImportRuns
from server.operations.schedule_runs.kind import ScheduleKinds
from server.operations.schedule_runs.queries import AlertOutlets, QueryRuns
from server.operations.schedule_runs.run_jobs import RunJobs
from server.operations.schedules import ScheduleOperations
from server.schedules.firing import Firing
from server.schedules.owners import ScheduleOwners
from server.schedules.planning import Planning
from server.schedules.plans import RunsWhat
from server.schedules.run_store import ScheduleRunStore
from server.schedules.scheduler import Scheduler
from server.schedules.stopping import Stopping
from server.schedules.store import ScheduleStore


def build_schedule_kinds(
    *,
    storage: StorageParts,
    jobs: JobParts,
    uploads: UploadParts,
    orders: BatchOrderOperations,
    imports: ImportOperations,
    datasets: DatasetAccess,
    queries: QueryOperations,
    outlets: AlertOutlets,
    backups: BackupCommands | None,
    clock: Clock = utc_now,
) -> ScheduleKinds:
    """All that a schedule may run: each is its module and its place here."""
    database = storage.database
    run_jobs = RunJobs(
        runner=jobs.runner,
        store=ScheduleStore(database),
        run_store=ScheduleRunStore(database),
        owners=ScheduleOwners(database),
    )
    return {
        RunsWhat.BATCH: BatchRuns(start=orders.start, check=orders.check),
        RunsWhat.IMPORT: ImportRuns(
            database=database,
            jobs=run_jobs,
            imports=imports,
            access=datasets,
            uploads=uploads.store,
            fetch=uploads.fetch,
            folders=uploads.folders,
            elsewhere=uploads.elsewhere,
            clock=clock,
        ),
        RunsWhat.QUERY: QueryRuns(database=database, jobs=run_jobs, queries=queries, outlets=outlets, clock=clock),
        RunsWhat.BACKUP: BackupRuns(
            database=database,
            jobs=run_jobs,
            commands=backups,
            notices=outlets.notices,
            clock=clock,
        ),
    }


def build_schedules(
    *,
    storage: StorageParts,
    live: LiveParts,
    rights: ThingAccess,
    kinds: ScheduleKinds,
    deliveries: DeliveryChecks,
    clock: Clock = utc_now,
) -> ScheduleOperations:
    database = storage.database
    store, run_store = ScheduleStore(database), ScheduleRunStore(database)
    announce = live.announcing.publish
    stopping = Stopping(database=database, notices=live.notices, clock=clock)
    firing = Firing(
        database=database,
        store=store,
        run_store=run_store,
        owners=ScheduleOwners(database),
        stopping=stopping,
        runs=kinds,
        announce=announce,
        holder=f"{gethostname()}:{os.getpid()}:{new_id()}"[:200],
        clock=clock,
    )
    planning = Planning(database=database, stopping=stopping, announce=announce, clock=clock)
    return ScheduleOperations(
        database=database,
        store=store,
        run_store=run_store,
        kinds=kinds,
        plans=SchedulePlanning(access=rights, store=store, kinds=kinds, deliveries=deliveries),
        firing=firing,
        trials=DeliveryTrials(database=database, rules=deliveries.rules),
        scheduler=Scheduler(stopping=stopping, planning=planning, firing=firing, clock=clock),
        growth=storage.growth,
        clock=clock,
    )
