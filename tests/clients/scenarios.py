"""What programs in Python do with tuspy; each line of the output says what came of one scenario."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

CONTENT = os.urandom(3_000_017)
CLIENT = TusClient(
    f"{os.environ['JINDU_URL']}/api/v1/uploads", headers={"Authorization": f"Bearer {os.environ['JINDU_TOKEN']}"}
)
NAMED = {"metadata": {"filename": "订单.csv", "filetype": "text/csv"}}


def plain() -> str:
    uploader = CLIENT.uploader(file_stream=io.BytesIO(CONTENT), **NAMED)
    uploader.upload()
    return str(uploader.url)


def in_chunks() -> str:
    uploader = CLIENT.uploader(file_stream=io.BytesIO(CONTENT), chunk_size=400_000, **NAMED)
    uploader.upload()
    return str(uploader.url)


def resumed() -> str:
    """By another uploader, which finds the address in its store and asks for the offset."""
    with tempfile.TemporaryDirectory() as directory:
        given: dict[str, Any] = {"store_url": True, "url_storage": FileStorage(f"{directory}/urls.json")}
        path = Path(directory, "orders.csv")
        path.write_bytes(CONTENT)
        first = CLIENT.uploader(str(path), chunk_size=500_000, **given, **NAMED)
        first.upload(stop_at=1_000_000)
        second = CLIENT.uploader(str(path), chunk_size=700_000, **given, **NAMED)
        assert (second.url, second.offset) == (first.url, 1_000_000)
        second.upload()
        return str(second.url)


def with_checksums() -> str:
    uploader = CLIENT.uploader(file_stream=io.BytesIO(CONTENT), chunk_size=900_000, upload_checksum=True, **NAMED)
    uploader.upload()
    return str(uploader.url)


def without_waiting() -> str:
    uploader = CLIENT.async_uploader(file_stream=io.BytesIO(CONTENT), chunk_size=900_000, **NAMED)
    asyncio.run(uploader.upload())
    return str(uploader.url)


SCENARIOS: list[Callable[[], str]] = [plain, in_chunks, resumed, with_checksums, without_waiting]

if __name__ == "__main__":
    for run in SCENARIOS:
        outcome = {"scenario": run.__name__, "url": run(), "sha256": hashlib.sha256(CONTENT).hexdigest()}
        print(json.dumps(outcome))
