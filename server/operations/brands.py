"""What people do with brands: see which one holds, change their own; administrators change that of the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import FieldError, InvalidInput, NotFound
from server.operations.account_fields import text_problems
from server.reports.brand import Brand, BrandTexts, Logo
from server.reports.brand_store import BrandStore
from server.reports.image_library import ImageLibrary
from server.storage.blob_store import BlobStore, StoredBlob
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.quotas import Quotas, Stored

MAX_LOGO_BYTES = 512 * 1024
MAX_CHARACTERS = {"header": 100, "footer": 100, "confidentiality": 80}  # one line on paper, and in Excel
_COLOR = re.compile(r"#[0-9a-f]{6}")


class BrandView(msgspec.Struct, frozen=True, kw_only=True):
    """`own` is what was set here, `fallback` what holds where it says nothing; `updated_at` is None if nothing was."""

    own: Brand
    fallback: Brand
    updated_at: datetime | None

    @property
    def in_force(self) -> Brand:
        """What reports look like."""
        return self.own.or_else(self.fallback)


class BrandOperations:
    """`of_server` means the one that holds for everybody without an own one: only administrators may ask for it."""

    def __init__(
        self,
        *,
        database: Database,
        store: BrandStore,
        images: ImageLibrary,
        blobs: BlobStore,
        quotas: Quotas,
        growth: Growth,
    ) -> None:
        self._database = database
        self._store = store
        self._images = images
        self._blobs = blobs
        self._quotas = quotas
        self._growth = growth

    async def get(self, principal: Principal, *, of_server: bool = False) -> BrandView:
        owner_id = _owner(principal, of_server=of_server)
        async with self._database.read() as connection:
            stored = await self._store.own(connection, owner_id)
            server = await self._store.own(connection, None) if owner_id else None
        return BrandView(
            own=stored.brand if stored else Brand(),
            fallback=server.brand if server else Brand(),
            updated_at=stored.updated_at if stored else None,
        )

    async def logo(
        self, principal: Principal, *, of_server: bool = False, in_force: bool = False
    ) -> tuple[Logo, StoredBlob]:
        """One's own, or that which reports show. Raises `NotFound` without one."""
        view = await self.get(principal, of_server=of_server)
        logo = (view.in_force if in_force else view.own).logo
        if logo is None:
            raise NotFound
        return logo, StoredBlob(store=self._blobs, key=logo.blob)

    async def save(self, principal: Principal, texts: BrandTexts, *, of_server: bool = False) -> BrandView:
        """Everything but the logo, which stays. Raises `InvalidInput` naming the fields that are wrong."""
        owner_id = _owner(principal, of_server=of_server, changes=True)
        wanted = msgspec.structs.asdict(checked(texts))
        self._growth.charge(principal.user_id, *wanted.values())
        await self._change(principal, owner_id, lambda brand: msgspec.structs.replace(brand, **wanted))
        return await self.get(principal, of_server=of_server)

    async def set_logo(self, principal: Principal, content: bytes, *, of_server: bool = False) -> BrandView:
        """A PNG or JPEG, kept no larger than it is seen. Raises `InvalidInput`, `QuotaExceeded`, `StorageFull`."""
        owner_id = _owner(principal, of_server=of_server, changes=True)
        self._growth.charge(principal.user_id)
        logo = await self._images.logo(principal.user_id, content)
        await self._change(principal, owner_id, lambda brand: msgspec.structs.replace(brand, logo=logo))
        return await self.get(principal, of_server=of_server)

    async def remove_logo(self, principal: Principal, *, of_server: bool = False) -> None:
        owner_id = _owner(principal, of_server=of_server, changes=True)
        self._growth.charge(principal.user_id)
        await self._change(principal, owner_id, lambda brand: msgspec.structs.replace(brand, logo=None))

    async def delete(self, principal: Principal, *, of_server: bool = False) -> None:
        """All of it. Batches that were ordered with it keep it."""
        owner_id = _owner(principal, of_server=of_server, changes=True)
        self._growth.charge(principal.user_id)
        async with self._database.write() as connection:
            if await self._store.delete(connection, owner_id):
                await Audit.record(connection, principal, "brand.delete", _subject(owner_id))

    async def _change(self, principal: Principal, owner_id: str | None, change: Callable[[Brand], Brand]) -> None:
        async with self._database.write() as connection:
            stored = await self._store.own(connection, owner_id)
            before = stored.brand if stored else Brand()
            after = change(before)
            if stored and after == before:
                return
            if owner_id and (more := _size(after) - _size(before)) > 0:
                await self._quotas.require(connection, owner_id, Stored.REPORTS, more)
            await self._store.save(connection, owner_id, after)
            await Audit.record(
                connection, principal, "brand.change", _subject(owner_id), {"fields": _differences(before, after)}
            )


def checked(texts: BrandTexts) -> BrandTexts:
    """As it is stored. Raises `InvalidInput` naming the fields that are wrong."""
    lines = {name: " ".join(getattr(texts, name).split()) for name in MAX_CHARACTERS}
    problems = [
        problem
        for name, most in MAX_CHARACTERS.items()
        if lines[name]
        for problem in text_problems(lines[name], field=name, most=most)
    ]
    accent = texts.accent.strip().lower()
    if accent and not _COLOR.fullmatch(accent):
        problems.append(FieldError(field="accent", message="Write the color as # and six digits, such as #2563a8."))
    if problems:
        raise InvalidInput(errors=problems)
    return msgspec.structs.replace(texts, accent=accent, **lines)


def _owner(principal: Principal, *, of_server: bool, changes: bool = False) -> str | None:
    if of_server:
        principal.require_admin()
    if changes:
        principal.require_write()
    else:
        principal.require_read()
    return None if of_server else principal.user_id


def _size(brand: Brand) -> int:
    return brand.logo.size if brand.logo else 0


def _differences(before: Brand, after: Brand) -> list[str]:
    return [name for name in Brand.__struct_fields__ if getattr(before, name) != getattr(after, name)]


def _subject(owner_id: str | None) -> str:
    return "" if owner_id else "server"
