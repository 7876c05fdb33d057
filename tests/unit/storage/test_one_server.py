"""Two servers never run on the same data directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import ConfigurationError
from server.storage.one_server import held


def test_a_second_one_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(ConfigurationError, match=f"data directory {tmp_path}"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_what_is_in_the_directory_stays_as_it_is(tmp_path: Path) -> None:
    with held(tmp_path):
        assert list(tmp_path.iterdir()) == []
