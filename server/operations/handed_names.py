"""What a schedule names as its owner calls it, said so that it stays the same thing for whoever takes it over.

Another dataset of that name would give other figures, or get other rows, and nobody would see it: every name has its
owner from then on, or the schedule stays where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from server.auth.access import DATASETS, TEMPLATES, Right, ThingAccess
from server.auth.permissions import Principal
from server.auth.users import UserStore
from server.datasets.query_errors import in_sql
from server.datasets.work import NamesRead, NamesRequest, read_names
from server.delivery.wishes import DeliveryWish
from server.errors import Conflict, Forbidden, NotFound
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess
from server.schedules.plans import ImportPlan, QueryPlan
from server.schedules.schedule import Ordered, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class _SeenByBoth:
    """`ids` are datasets by the names that their owner has for them, `theirs` by those of `new`. `named`: each name
    with the one that says whose it is; empty for the few owners who cannot be named in SQL."""

    new: Principal
    ids: Mapping[str, str]
    theirs: Mapping[str, str]
    named: dict[str, str]

    def owned(self, name: str) -> str:
        return self.named[name] or name

    def require_seen(self, names: Collection[str]) -> None:
        """Datasets that are to be named with their owners."""
        for name in names:
            if self.theirs.get(self.owned(name)) != self.ids[name]:
                raise _not_seen(self.new, in_sql(self.owned(name)))


class HandedNames:
    def __init__(self, *, reading: DataReading, access: ThingAccess, datasets: DatasetAccess, users: UserStore) -> None:
        self._reading = reading
        self._access = access
        self._datasets = datasets
        self._users = users

    async def ordered(self, before: Principal, new: Principal, schedule: Schedule) -> Ordered:
        """What is ordered, in names that mean to `new` what they mean to `before`, its owner.

        Raises `Conflict` for what the new owner may not use, or what cannot be named for certain, with what to do.
        """
        await self._require_things(new, schedule)
        ordered = schedule.ordered
        if isinstance(ordered.parameters, dict):
            await self._require_rows(before, new, schedule, str(ordered.parameters["query"]))
        plan = ordered.import_ and await self._import(before, new, ordered.import_)
        query, deliveries = ordered.query, ordered.deliveries
        if query is not None or any(wish.to_dataset for wish in deliveries):
            seen = await self._seen(before, new)
            deliveries = [_delivery(seen, wish) for wish in deliveries]
            query = query and await self._query(before, seen, query)
        return msgspec.structs.replace(ordered, import_=plan, query=query, deliveries=deliveries)

    async def _seen(self, before: Principal, new: Principal, *, meant_by: str | None = None) -> _SeenByBoth:
        catalog = self._reading.catalog
        ids = (await catalog.readable(before, meant_by=meant_by)).ids
        theirs = (await catalog.readable(new, meant_by=meant_by)).ids
        return _SeenByBoth(new=new, ids=ids, theirs=theirs, named=_with_owners(ids))

    async def _require_things(self, new: Principal, schedule: Schedule) -> None:
        """The template, and the dataset that it waits for."""
        if schedule.template_id is not None:
            try:
                await self._access.of(new, TEMPLATES, schedule.template_id)
            except NotFound:
                raise Conflict(
                    "{user} may not use the template “{name}”: share it with them first.",
                    user=new.user_name,
                    name=schedule.template_name,
                ) from None
        if schedule.dataset_id is not None:
            try:
                await self._access.of(new, DATASETS, schedule.dataset_id)
            except NotFound:
                raise _not_seen(new, schedule.dataset_name) from None

    async def _require_rows(self, before: Principal, new: Principal, schedule: Schedule, sql: str) -> None:
        """A query for the values of a batch: its names are those of whose template it is, whoever orders."""
        seen = await self._seen(before, new, meant_by=schedule.template_owner_id)
        for name in (await self._read(before, sql, seen)).read:
            if seen.theirs.get(name) != seen.ids[name]:
                raise _not_seen(new, in_sql(seen.owned(name)))

    async def _import(self, before: Principal, new: Principal, plan: ImportPlan) -> ImportPlan:
        """Rows go on going where they went."""
        owner = plan.owner
        if owner is None:
            try:
                dataset = await self._datasets.get(before, plan.dataset)
            except NotFound:  # the first import makes it
                await self._require_none(new, plan.dataset)
                return plan
            owner = (await self._users.names([dataset.owner_id]))[dataset.owner_id]
        try:
            await self._datasets.get(new, plan.dataset, owner, Right.EDIT)
        except (Forbidden, NotFound):
            raise Conflict(
                "{user} may not change the dataset “{dataset}”: share it with them for editing first.",
                user=new.user_name,
                dataset=plan.dataset,
            ) from None
        return msgspec.structs.replace(plan, owner=owner)

    async def _require_none(self, new: Principal, name: str) -> None:
        try:
            await self._datasets.get(new, name)
        except NotFound:
            return
        raise Conflict(
            "The dataset “{dataset}” is not there yet, and {user} has another one of this name, which would be "
            "changed: let it import once before, or name another dataset in it.",
            dataset=name,
            user=new.user_name,
        )

    async def _query(self, before: Principal, seen: _SeenByBoth, plan: QueryPlan) -> QueryPlan:
        read = await self._read(before, plan.sql, seen)
        seen.require_seen(read.read)
        if read.sql is None:
            name = _alone(read.read)
            raise Conflict(
                "Whose dataset “{dataset}” is cannot be written into its query by itself: put the owner before the "
                "name there ({named}), and name the columns of a PIVOT (on region in ('North', 'South')).",
                dataset=name,
                named=in_sql(seen.named[name] or f"owner.{name}"),
            )
        return msgspec.structs.replace(plan, sql=read.sql)

    async def _read(self, before: Principal, sql: str, seen: _SeenByBoth) -> NamesRead:
        request = NamesRequest(sql=sql, owned=seen.named, limits=self._reading.limits)
        found: NamesRead = await self._reading.in_worker(before, read_names, request)
        return found


def _delivery(seen: _SeenByBoth, wish: DeliveryWish) -> DeliveryWish:
    book = wish.to_dataset
    if book is None:
        return wish
    if book.dataset not in seen.ids:
        raise Conflict("There is no dataset named “{name}” any more; choose another one first.", name=book.dataset)
    seen.require_seen([book.dataset])
    named = msgspec.structs.replace(book, dataset=seen.owned(book.dataset))
    return msgspec.structs.replace(wish, to_dataset=named)


def _with_owners(ids: Mapping[str, str]) -> dict[str, str]:
    named = {dataset_id: name for name, dataset_id in ids.items() if "." in name}
    return {name: named.get(dataset_id, "") for name, dataset_id in ids.items()}


def _alone(names: Collection[str]) -> str:
    return next(name for name in names if "." not in name)


def _not_seen(new: Principal, dataset: str) -> Conflict:
    return Conflict(
        "{user} may not see the dataset “{dataset}”: share it with them first.", user=new.user_name, dataset=dataset
    )
