"""One bucket of an S3 store, or what lies below a prefix in it: the few calls that files need, and how they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from server.errors import ConfigurationError, NotFound
from server.storage.blob_store import FoundBlob, StorageAway, StorageRefuses

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import S3Config

_LOG = logging.getLogger("jindu.storage")
SHA256 = "sha256"  # of the content, in the object's metadata: not every store takes checksums in headers
_SCHEME = "s3"
_REGION = "us-east-1"
_PART_BYTES = 16 * 1024 * 1024  # of a file that is put in parts
_PARTS_AT_ONCE = 2
_STREAM_BYTES = 256 * 1024
_RETRIES = 4
_RETRY_SECONDS = 15.0  # a store that is away is said soon: whoever waits has a job or a page to look at
_SILENCE_SECONDS = 30.0
_LOOK_SECONDS = 10.0
_LOOK_PATIENCE_SECONDS = 6.0  # less than any work has: one that hangs is said before people wait for it
_NEVER_THERE = "looked-for"
_WHOLE_REQUEST = timedelta(days=1)  # its body with it: who reads slowly is not cut off, silence is told apart


class S3Bucket:
    """Keys are below the prefix of the address. What does not answer raises `StorageAway`."""

    def __init__(
        self, url: str, *, key_id: str, secret: str, look_patience_seconds: float = _LOOK_PATIENCE_SECONDS
    ) -> None:
        """`url` as the setting `storage_url` has it. Raises `ConfigurationError`; nothing is connected yet."""
        self._store = _store_of(url, key_id=key_id, secret=secret)
        self._look_patience_seconds = look_patience_seconds
        self.is_away = False  # as the last call found it

    async def put(self, key: str, content: bytes | Path, metadata: Mapping[str, str] | None = None) -> None:
        """What was there under this key goes; a large file goes up in parts, and is there once all of them are."""
        with self._named_failures(key):
            await obstore.put_async(
                self._store,
                key,
                content,
                attributes={"Content-Type": "application/octet-stream", **(metadata or {})},
                use_multipart=None if isinstance(content, Path) else False,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def create(self, key: str, content: Path, metadata: Mapping[str, str]) -> bool:
        """In one piece, and only where nothing is under this key; whether that was so."""
        with self._named_failures(key):
            try:
                await obstore.put_async(self._store, key, content, attributes=dict(metadata), mode="create")
            except AlreadyExistsError:
                return False
            return True

    async def metadata(self, key: str) -> tuple[int, Mapping[str, str]]:
        """Its size in bytes, and what was put with it. Raises `NotFound`."""
        with self._named_failures(key):
            found = await obstore.get_async(self._store, key, options={"head": True})
            return found.meta["size"], found.attributes

    async def get(self, key: str) -> bytes:
        """All of a small object. Raises `NotFound`."""
        with self._named_failures(key):
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def open(self, key: str) -> tuple[Mapping[str, str], AsyncGenerator[bytes, None]]:
        """What was put with it, and all its bytes. Raises `NotFound`."""
        with self._named_failures(key):
            found = await obstore.get_async(self._store, key)
            return found.attributes, self._pieces_of(found, key)

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` on, before `end`. Raises `NotFound`."""
        # A store refuses to send nothing.
        if (end is not None and end <= start) or (start and start >= (await self.metadata(key))[0]):
            return
        wanted: GetOptions = {}
        if start or end is not None:
            wanted["range"] = {"offset": start} if end is None else (start, end)
        with self._named_failures(key):
            found = await obstore.get_async(self._store, key, options=wanted)
        async for piece in self._pieces_of(found, key):
            yield piece

    async def _pieces_of(self, found: GetResult, key: str) -> AsyncGenerator[bytes, None]:
        with self._named_failures(key):
            async for piece in found.stream(min_chunk_size=_STREAM_BYTES):
                yield bytes(piece)

    async def delete(self, keys: Sequence[str]) -> None:
        """Those that are not there are deleted already."""
        if keys:
            with self._named_failures(keys[0]):
                await obstore.delete_async(self._store, list(keys))

    async def under(self, prefix: str) -> AsyncIterator[FoundBlob]:
        """All whose keys begin with `<prefix>/`, in the order of their keys."""
        with self._named_failures(prefix):
            async for batch in obstore.list(self._store, prefix=prefix):
                for found in batch:
                    yield FoundBlob(key=found["path"], size=found["size"], changed_at=found["last_modified"])

    async def watch(self) -> None:
        """Ask again and again, until cancelled: `is_away` is true only as long as it is so."""
        while True:
            with suppress(NotFound, StorageAway), self._named_failures(_NEVER_THERE):
                async with asyncio.timeout(self._look_patience_seconds):
                    await self.metadata(_NEVER_THERE)
            await asyncio.sleep(_LOOK_SECONDS)

    @contextmanager
    def _named_failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            self.is_away = False
            raise NotFound from None
        except (BaseError, TimeoutError) as error:
            self.is_away = True
            first_line = str(error).partition("\n")[0]
            _LOG.warning("the S3 store failed at %s: %s", key, first_line, extra={"action": "storage"})
            is_refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
            raise (StorageRefuses if is_refused else StorageAway) from error
        self.is_away = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlace:
    """What the setting `storage_url` says; without an endpoint it is AWS."""

    bucket: str
    prefix: str
    endpoint: str
    region: str


def place_of(url: str) -> BucketPlace:
    """Raises `ConfigurationError`."""
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    endpoint = asked.pop("endpoint", "")
    region = asked.pop("region", _REGION)
    is_read = not asked and (not endpoint or endpoint.startswith(("http://", "https://")))
    if parts.scheme != _SCHEME or not parts.hostname or "@" in parts.netloc or not is_read:
        raise ConfigurationError(
            "The setting storage_url is s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1; "
            "its keys are the settings storage_key_id and storage_secret."
        )
    return BucketPlace(bucket=parts.hostname, prefix=parts.path.strip("/"), endpoint=endpoint, region=region)


def _store_of(url: str, *, key_id: str, secret: str) -> S3Store:
    place = place_of(url)
    config: S3Config = {"region": place.region, "virtual_hosted_style_request": not place.endpoint}
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if key_id:
        config.update({"access_key_id": key_id, "secret_access_key": secret})
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options={
            "allow_http": place.endpoint.startswith("http://"),
            "timeout": _WHOLE_REQUEST,
            "read_timeout": timedelta(seconds=_SILENCE_SECONDS),
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
    )
