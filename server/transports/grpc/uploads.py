"""`jindu.v1.Uploads`: files as a stream of pieces, which goes on where it broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from google.protobuf.message import Message

from server.errors import InvalidInput
from server.operations.job_chains import PLANNED_DATASET
from server.operations.uploads import NewUpload
from server.transports.grpc.made import jindu_pb2 as pb
from server.transports.grpc.messages import key_of, upload_message, wrong
from server.transports.grpc.methods import Caller
from server.uploads.files import Upload

_WINDOW_BYTES = 2 * 1024 * 1024  # on their way at once: else each round trip brings 64 KB


@dataclass(slots=True)
class _Size:
    bytes: int = 0


class UploadService:
    """Answers for all callers."""

    async def put(self, caller: Caller, parts: AsyncIterator[Message]) -> pb.UploadsPutResponse:
        asked = await anext(parts, None)
        if not isinstance(asked, pb.UploadsPutRequest):
            raise InvalidInput("Say first what is sent: new, or the place where to go on.")
        upload, offset = await self._begun(caller, asked)
        await caller.call.begin([("jindu-upload-id", upload.id), ("jindu-upload-offset", str(upload.offset))])
        if upload.completed_at is None:
            upload = await self._received(caller, upload, offset, parts)
        return pb.UploadsPutResponse(upload=upload_message(upload))

    async def get(self, caller: Caller, asked: pb.UploadsGetRequest) -> pb.UploadsGetResponse:
        upload = await caller.operations.uploads.position(caller.principal, asked.upload_id)
        return pb.UploadsGetResponse(upload=upload_message(upload))

    async def _begun(self, caller: Caller, asked: pb.UploadsPutRequest) -> tuple[Upload, int]:
        """And where its bytes are to begin."""
        operations, part = caller.operations.uploads, asked.WhichOneof("part")
        if part == "place":
            caller.principal.require_write()
            return await operations.find(caller.principal, asked.place.upload_id), asked.place.offset
        if part != "new":
            raise InvalidInput("Say first what is sent: new, or the place where to go on.")
        key = key_of(asked.new.idempotency_key)
        upload = await operations.create(caller.principal, _wanted(asked.new), idempotency_key=key)
        return upload, upload.offset  # a key that is known: it goes on, and its sender is told where

    async def _received(self, caller: Caller, upload: Upload, offset: int, parts: AsyncIterator[Message]) -> Upload:
        caller.call.widen(_WINDOW_BYTES)
        operations, size = caller.operations.uploads, _Size(offset)
        chunks = _chunks(parts, size, caller.call.line.patience_seconds)
        upload = await operations.receive(caller.principal, upload.id, chunks, offset=offset)
        if upload.size is None:  # its end is the end of the stream
            upload = await operations.receive(
                caller.principal, upload.id, _none(), offset=upload.offset, size=size.bytes
            )
        return upload


async def _chunks(parts: AsyncIterator[Message], size: _Size, patience_seconds: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(patience_seconds):
                part = await anext(parts, None)
        except TimeoutError:
            raise InvalidInput(
                "Nothing came for {seconds} seconds. What has come is stored: ask how much it is, and go on there.",
                code="too_slow",
                seconds=round(patience_seconds),
            ) from None
        if part is None:
            return
        if not isinstance(part, pb.UploadsPutRequest) or part.WhichOneof("part") != "chunk":
            raise InvalidInput("Only bytes may follow.")
        if part.chunk:
            size.bytes += len(part.chunk)
            yield part.chunk


async def _none() -> AsyncIterator[bytes]:
    for _ in range(0):
        yield b""


def _wanted(new: pb.NewUpload) -> NewUpload:
    if new.HasField("size") and new.size < 0:
        raise wrong("size", "It must be at least {least}.", least=0)
    said = {"filename": new.name, "filetype": new.media_type, PLANNED_DATASET: new.dataset}
    return NewUpload(
        name=new.name,
        size=new.size if new.HasField("size") else None,
        media_type=new.media_type,
        metadata={name: text for name, text in said.items() if text},
    )
