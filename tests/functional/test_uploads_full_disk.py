"""A disk that is full, and one that fills up in the middle: told in words, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.functional.test_uploads import CONTENT, announce, patch, position, sha256, upload_of

FILE_LIMIT = 1_048_576


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return replace(settings, min_free_bytes=getattr(request, "param", 1))


@pytest.fixture
def small_files() -> Iterator[None]:
    """The kernel lets no file of this process grow past a limit, as it does when a quota is used up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("settings", [2**62], indirect=True)
async def test_a_full_disk_is_told_before_the_first_byte(alice: aiohttp.ClientSession, settings: Settings) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
    async with alice.post("/api/v1/uploads", headers=headers) as response:
        problem = await response.json()
        assert (response.status, problem["code"]) == (507, "storage_full")
        assert "disk is full" in problem["detail"]
    assert os.listdir(settings.data / "uploads") == []


async def test_a_disk_that_fills_up_keeps_what_was_acknowledged(
    alice: aiohttp.ClientSession, request: pytest.FixtureRequest
) -> None:
    place = await announce(alice, len(CONTENT))
    request.getfixturevalue("small_files")
    status, headers, body = await patch(alice, place, 0, CONTENT)
    assert status == 507
    assert headers["Tus-Resumable"] == "1.0.0"
    assert "Free some space" in body
    offset = await position(alice, place)
    assert offset == FILE_LIMIT
    # space was freed
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (await patch(alice, place, offset, CONTENT[offset:]))[0] == 204
    assert (await upload_of(alice, place))["sha256"] == sha256(CONTENT)
