"""Where files lie: each store, made for one test."""

from __future__ import annotations

from pathlib import Path

from server.app.engines import FileStores, open_files
from server.settings import Settings
from tests import seaweed


def settings_of(name: str, data: Path) -> Settings:
    if name == "local":
        return Settings(data=data)
    return Settings(
        data=data,
        storage_url=seaweed.new_place(),
        storage_key_id=seaweed.KEY_ID,
        storage_secret=seaweed.SECRET,
    )


def stores_of(name: str, data: Path) -> FileStores:
    return open_files(settings_of(name, data))
