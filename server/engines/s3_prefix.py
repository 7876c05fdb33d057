"""Deliveries below a prefix of an S3 store: whole files, each put once and none over another."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from server.delivery.messages import ChannelMessage, ChannelReceipt, ChannelTarget, ToldFile
from server.errors import ConfigurationError, NotDelivered, NotFound
from server.settings import Settings
from server.storage.blob_store import BlobStore, StorageAway, StorageRefuses

if TYPE_CHECKING:
    from server.engines.s3_bucket import S3Bucket

_LONGEST_PATH, _LONGEST_NAME = 500, 200
_NOT_IN_NAMES = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))


class S3Prefix:
    def __init__(self, settings: Settings, blobs: BlobStore) -> None:
        self._settings = settings
        self._blobs = blobs

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.delivery_s3_url)

    def refusal(self, path: str) -> str | None:
        if not self.is_set_up:
            return "No S3 store is set up for deliveries: an administrator sets delivery_s3_url."
        parts = path.strip("/").split("/") if path.strip("/") else []
        is_plain = path.isprintable() and "\\" not in path and len(path) <= _LONGEST_PATH
        if not is_plain or any(part.strip() in ("", ".", "..") for part in parts):
            return "Write a folder as reports/monthly, without “..”."
        return None

    async def put(self, target: ChannelTarget, message: ChannelMessage) -> ChannelReceipt:
        """One after the other. Those that lie there already, from an attempt that broke off, are not put again."""
        if reason := self.refusal(target.path):
            raise NotDelivered(reason, is_final=True)
        folder = target.path.strip("/")
        keys = [f"{folder}/{name_of(each)}".lstrip("/") for each in message.files]
        for key, each in zip(keys, message.files, strict=True):
            await self._put(key, each)
        return ChannelReceipt(said=", ".join(keys)[:_LONGEST_PATH])

    async def _put(self, key: str, file: ToldFile) -> None:
        from server.engines.s3_bucket import SHA256

        bucket = self._bucket()
        try:
            async with self._blobs.fetch([file.blob]) as (path,):
                if await asyncio.to_thread(_sha256, path) != file.sha256:
                    raise NotDelivered("“{file}” is not what it was; nothing was sent.", file=file.name, is_final=True)
                metadata = {"Content-Type": file.media_type, SHA256: file.sha256}
                if await bucket.create(key, path, metadata) or await self._is_ours(bucket, key, file):
                    return
        except NotFound:
            raise NotDelivered("“{file}” was deleted before it was sent.", file=file.name, is_final=True) from None
        except StorageRefuses:
            raise NotDelivered("The S3 store refuses delivery_s3_key_id and delivery_s3_secret.") from None
        except StorageAway:
            raise NotDelivered("The S3 store for deliveries does not answer.") from None
        raise NotDelivered(
            "There is another “{file}” in “{folder}” already, and nothing is overwritten.",
            file=file.name,
            folder=key.rpartition("/")[0],
            is_final=True,
        )

    def _bucket(self) -> S3Bucket:
        settings = self._settings
        try:
            from server.engines.s3_bucket import S3Bucket

            return S3Bucket(
                settings.delivery_s3_url, key_id=settings.delivery_s3_key_id, secret=settings.delivery_s3_secret
            )
        except ImportError:
            raise NotDelivered("S3 needs a package that is not installed: pip install 'jindu-server[s3]'.") from None
        except ConfigurationError:
            raise NotDelivered("The setting delivery_s3_url is s3://bucket/prefix?endpoint=….") from None

    async def _is_ours(self, bucket: S3Bucket, key: str, file: ToldFile) -> bool:
        from server.engines.s3_bucket import SHA256

        size, metadata = await bucket.metadata(key)
        return size == file.size and metadata.get(SHA256) == file.sha256


def name_of(file: ToldFile) -> str:
    """As people call it, as far as every program that copies it from there can keep it."""
    name = "".join(letter for letter in file.name if letter.isprintable()).translate(_NOT_IN_NAMES).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if dot and len(name) > _LONGEST_NAME:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return name[:_LONGEST_NAME] or "file"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
