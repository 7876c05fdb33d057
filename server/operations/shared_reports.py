"""What strangers see by a share link: the one report or batch that it shows, as long as the link is good.

Each of these functions asks for the link anew, so that whatever ends it ends all of this with the next request.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec

from server.auth.passwords import Passwords
from server.auth.permissions import Principal, Role, Scope
from server.auth.seals import Seals
from server.auth.secret_words import hash_of
from server.auth.throttle import Attempt, SignInThrottle
from server.errors import LinkLocked, LinkUnknown, NotFound, RateLimited, StorageFull
from server.jobs.job import State
from server.operations.batch_combining import BatchCombining
from server.operations.batches import BatchOperations
from server.operations.link_ends import LinkRules
from server.operations.made_files import MadeFile
from server.reports.archive import Archive
from server.reports.batches import BatchHead, BatchReport, ReportFilter, StoredArtifact
from server.reports.link_openings import LinkOpenings
from server.reports.share_links import ShareLink, ShareLinkStore
from server.reports.shown_reports import for_strangers
from server.storage.blob_store import BlobThroughUs
from server.storage.pages import Listing

UNLOCKED_SECONDS = 12 * 3600  # somebody who read in the morning downloads in the afternoon
_REFUSED_SECONDS = 0.5
REPORTS_PER_PAGE = 60


class UnlockedLink(msgspec.Struct, frozen=True):
    """What a browser keeps once somebody knew the password: good for this link, and for this password of it."""

    link_id: str
    of_password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkVisit:
    """`secret` is of the address, `proof` what `unlock` gave. `user_id` is empty of whoever is not signed in."""

    secret: str
    proof: str = ""
    address: str = ""
    user_agent: str = ""
    user_id: str = ""


class SharedReports:
    """What it reads it reads as the owner may, of the linked thing alone. No function tells a link that is over from
    one that never was."""

    def __init__(
        self,
        *,
        store: ShareLinkStore,
        batches: BatchOperations,
        combining: BatchCombining,
        passwords: Passwords,
        throttle: SignInThrottle,
        seals: Seals,
        rules: LinkRules,
    ) -> None:
        self._store = store
        self._batches = batches
        self._combining = combining
        self._passwords = passwords
        self._throttle = throttle
        self._seals = seals
        self._rules = rules
        self._openings = LinkOpenings()

    async def look(self, visit: LinkVisit) -> ShareLink:
        """Raises `LinkUnknown`, or `LinkLocked` where a password is missing."""
        link = await self._found(visit.secret)
        if link.password_hash and not self._is_unlocked(link, visit.proof):
            raise LinkLocked
        return link

    async def unlock(self, secret: str, password: str, *, address: str) -> str:
        """The proof. Raises `LinkUnknown`, `LinkLocked` for a wrong password, or `RateLimited`.

        Only wrong ones count: from one address at one link, then of all addresses at it.
        """
        link = await self._found(secret)
        if link.password_hash:
            attempt = Attempt(name_key=f"link:{link.id}", address=address)
            await self._begin(attempt)
            if not (await self._passwords.check(link.password_hash, password)).is_right:
                raise LinkLocked("This password is wrong.", code="wrong_password")
            await self._throttle.succeeded(attempt)
        return self._seals.seal(UnlockedLink(link.id, hash_of(link.password_hash)))

    async def batch(self, visit: LinkVisit) -> BatchHead:
        """The batch that it shows, or that its report belongs to."""
        link = await self.look(visit)
        return await self._batches.get(_owner(link), link.batch_id)

    async def reports(self, visit: LinkVisit, *, q: str = "", page: int = 1) -> Listing[BatchReport]:
        """Those of a shared batch that are made, in order."""
        link = await self._whole_batch(visit)
        skip = (page - 1) * REPORTS_PER_PAGE
        wanted = ReportFilter(state=State.SUCCEEDED, title=q, limit=REPORTS_PER_PAGE, skip=skip)
        return await self._batches.reports(_owner(link), link.batch_id, wanted)

    async def report(self, visit: LinkVisit, report_id: str | None = None) -> BatchReport:
        """The shared report, or a made one of the shared batch. Raises `NotFound` for any other.

        It has no title until it is made: what it is called by before are its parameters.
        """
        link = await self.look(visit)
        wanted = report_id or link.report_id
        if wanted is None or link.report_id not in (None, wanted):
            raise NotFound
        report, batch = await self._batches.report(_owner(link), wanted)
        is_made = report.state is State.SUCCEEDED
        if batch.id != link.batch_id or not (is_made or link.report_id):
            raise NotFound
        return report if is_made else msgspec.structs.replace(report, title="")

    async def artifact(self, visit: LinkVisit, report_id: str, file: str) -> tuple[StoredArtifact, BlobThroughUs]:
        link = await self.look(visit)
        report = await self.report(visit, report_id)
        artifact, content = await self._batches.artifact(_owner(link), report.id, file)
        return artifact, BlobThroughUs(content)

    @asynccontextmanager
    async def archive(self, visit: LinkVisit) -> AsyncIterator[tuple[BatchHead, Archive]]:
        link = await self._whole_batch(visit)
        async with self._batches.archive(_owner(link), link.batch_id, shown=for_strangers) as made:
            yield made

    async def combined(self, visit: LinkVisit) -> MadeFile:
        """All PDFs of a shared batch as one. Those who wait for such files take turns as if they were one user."""
        link = await self._whole_batch(visit)
        return await self._combining.made(link.batch_id, turn_of=f"links of {link.owner_id}", shown=for_strangers)

    async def count_opening(self, visit: LinkVisit, link: ShareLink) -> None:
        """Its page was shown. Machines do not count, nor does who made it."""
        if visit.user_id == link.made_by:
            return
        if self._openings.is_new(link.id, address=visit.address, user_agent=visit.user_agent):
            with suppress(StorageFull):
                await self._store.opened(link)

    async def _whole_batch(self, visit: LinkVisit) -> ShareLink:
        link = await self.look(visit)
        if link.report_id is not None:
            raise NotFound
        return link

    async def _found(self, secret: str) -> ShareLink:
        link = await self._store.by_secret(secret) if self._rules.are_on else None
        if link is None:
            raise LinkUnknown
        return link

    def _is_unlocked(self, link: ShareLink, proof: str) -> bool:
        opened = self._seals.open(proof, UnlockedLink, seconds=UNLOCKED_SECONDS)
        return opened == UnlockedLink(link.id, hash_of(link.password_hash))

    async def _begin(self, attempt: Attempt) -> None:
        try:
            await self._throttle.begin(attempt)
        except RateLimited as error:
            await asyncio.sleep(_REFUSED_SECONDS)  # else whoever goes on guessing could keep us busy with refusals
            raise _too_many(error.retry_after_seconds) from None


def _too_many(seconds: float) -> RateLimited:
    if seconds > 60:
        return RateLimited(
            "Too many wrong passwords. Try again in {minutes} minutes.",
            minutes=math.ceil(seconds / 60),
            retry_after_seconds=seconds,
        )
    return RateLimited(
        "Too many wrong passwords. Try again in {seconds} seconds.",
        seconds=math.ceil(seconds),
        retry_after_seconds=seconds,
    )


def _owner(link: ShareLink) -> Principal:
    """May look at what is theirs, and change nothing."""
    return Principal(user_id=link.owner_id, user_name="", role=Role.VIEWER, language="", scopes=frozenset({Scope.READ}))
