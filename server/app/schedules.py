"""What comes by itself: who plans it, and who orders it."""

from __future__ import annotations

import os
from socket import gethostname

from server.app.live import LiveParts
from server.app.storage import StorageParts
from server.auth.access import ThingAccess
from server.clock import Clock, new_id, utc_now
from server.operations.batches import BatchOperations
from server.operations.delivery_checks import DeliveryChecks
from server.operations.schedule_planning import SchedulePlanning
from server.operations.schedules import ScheduleOperations
from server.schedules.firing import Firing
from server.schedules.planning import Planning
from server.schedules.scheduler import Scheduler
from server.schedules.stopping import Stopping
from server.schedules.store import ScheduleStore


def build_schedules(
    *,
    storage: StorageParts,
    live: LiveParts,
    rights: ThingAccess,
    batches: BatchOperations,
    deliveries: DeliveryChecks,
    clock: Clock = utc_now,
) -> ScheduleOperations:
    database = storage.database
    store = ScheduleStore(database)
    announce = live.announcing.publish
    stopping = Stopping(database=database, notices=live.notices, clock=clock)
    firing = Firing(
        database=database,
        store=store,
        stopping=stopping,
        order=batches.start,
        announce=announce,
        holder=f"{gethostname()}:{os.getpid()}:{new_id()}"[:200],
        clock=clock,
    )
    planning = Planning(database=database, stopping=stopping, announce=announce, clock=clock)
    return ScheduleOperations(
        database=database,
        store=store,
        plans=SchedulePlanning(access=rights, store=store, batches=batches, deliveries=deliveries),
        firing=firing,
        scheduler=Scheduler(stopping=stopping, planning=planning, firing=firing, clock=clock),
        growth=storage.growth,
        clock=clock,
    )
