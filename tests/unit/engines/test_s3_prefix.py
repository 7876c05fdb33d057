"""Files arrive below the prefix, once, and never over what somebody else put there."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from server.delivery.messages import ChannelMessage, ChannelTarget, ChannelVia, ToldFile
from server.engines.local_files import LocalFiles
from server.engines.s3_bucket import S3Bucket
from server.engines.s3_prefix import S3Prefix, name_of
from server.errors import NotDelivered
from server.settings import Settings
from tests import seaweed

CONTENT = b"%PDF of store 12"
FILE = ToldFile(
    name="门店 12.pdf",
    size=len(CONTENT),
    media_type="application/pdf",
    blob="reports/a/12.pdf",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)
FOLDER = ChannelTarget(via=ChannelVia.S3, path="/monthly/2026-10/")
Make = Callable[..., S3Prefix]


@pytest.fixture
def place() -> str:
    return seaweed.new_place()


@pytest.fixture
async def made(tmp_path: Path, place: str) -> Make:
    blobs = LocalFiles(tmp_path / "blobs")
    scratch = tmp_path / "scratch"
    scratch.write_bytes(CONTENT)
    await blobs.publish(scratch, FILE.blob)

    def make(url: str = place, secret: str = seaweed.SECRET) -> S3Prefix:
        known = Settings(delivery_s3_url=url, delivery_s3_key_id=seaweed.KEY_ID, delivery_s3_secret=secret)
        return S3Prefix(known, blobs)

    return make


def message(**changed: object) -> ChannelMessage:
    return ChannelMessage(title="Store 12", files=(msgspec.structs.replace(FILE, **changed),))


async def refused(prefix: S3Prefix, told: ChannelMessage, target: ChannelTarget = FOLDER) -> NotDelivered:
    with pytest.raises(NotDelivered) as raised:
        await prefix.put(target, told)
    return raised.value


async def test_a_file_arrives_and_an_attempt_that_is_repeated_leaves_it(made: Make, place: str) -> None:
    bucket = S3Bucket(place, key_id=seaweed.KEY_ID, secret=seaweed.SECRET)
    for _ in range(2):
        assert (await made().put(FOLDER, message())).said == "monthly/2026-10/门店 12.pdf"
    assert await bucket.get("monthly/2026-10/门店 12.pdf") == CONTENT
    assert (await bucket.metadata("monthly/2026-10/门店 12.pdf"))[1]["Content-Type"] == "application/pdf"


async def test_what_lies_there_is_never_overwritten(made: Make, place: str) -> None:
    bucket = S3Bucket(place, key_id=seaweed.KEY_ID, secret=seaweed.SECRET)
    await bucket.put("monthly/2026-10/门店 12.pdf", b"another")
    error = await refused(made(), message())
    assert (error.is_final, error.text) == (
        True,
        "There is another “门店 12.pdf” in “monthly/2026-10” already, and nothing is overwritten.",
    )
    assert await bucket.get("monthly/2026-10/门店 12.pdf") == b"another"


async def test_what_is_gone_or_changed_is_not_sent(made: Make) -> None:
    for changed in ({"blob": "reports/a/13.pdf"}, {"sha256": "0" * 64}):
        assert (await refused(made(), message(**changed))).is_final


async def test_a_store_that_is_away_or_refuses_us_is_tried_again(made: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = f"s3://b?endpoint={quote(f'http://127.0.0.1:{port}', safe='')}"
    for prefix in (made(secret="wrong"), made(url=away), made(url="s3://b?wrong=1")):
        assert not (await refused(prefix, message())).is_final


async def test_folders_that_lead_out_of_it_are_refused(made: Make) -> None:
    for path in ("..", "a/../b", "a//b", "a\\b", "a\nb", "x" * 501, "a/./b", "a/ /b"):
        assert made().refusal(path), path
        assert (await refused(made(), message(), ChannelTarget(via=ChannelVia.S3, path=path))).is_final
    for path in ("", "/", "monthly", "/月报/2026-10/"):
        assert made().refusal(path) is None
    nowhere = made(url="")
    assert not nowhere.is_set_up
    assert "delivery_s3_url" in (nowhere.refusal("monthly") or "")


def test_names_are_such_as_every_program_can_keep() -> None:
    def named(name: str) -> str:
        return name_of(msgspec.structs.replace(FILE, name=name))

    assert named("../a/b:c?.pdf") == "_a_b_c_.pdf"
    assert named("..") == "file"
    assert named("长" * 300 + ".xlsx") == "长" * 195 + ".xlsx"
    assert named("a" * 300) == "a" * 200
