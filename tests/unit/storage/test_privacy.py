"""What others on the machine may read, and a directory that is not ours."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

from server.errors import ConfigurationError
from server.storage.privacy import require_writable

_SOMEBODY = 12_345


def _told(path: Path, uid: int) -> str:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    try:
        require_writable(path)
    except ConfigurationError as error:
        return error.text
    return ""


def _as_somebody(path: Path, told: multiprocessing.SimpleQueue[str]) -> None:
    told.put(_told(path, _SOMEBODY))


def test_a_directory_of_somebody_else_stops_the_start_with_the_command_that_helps() -> None:
    """Such as a volume of a container that root made. /usr/share is nobody's but root's."""
    context = multiprocessing.get_context("fork")
    told: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    child = context.Process(target=_as_somebody, args=(Path("/usr/share/jindu"), told))
    child.start()
    child.join(20)
    text = told.get()
    assert "/usr/share cannot be written to by user" in text
    assert "it belongs to user 0" in text
    assert "chown -R" in text


def test_a_directory_of_our_own_is_fine_also_before_it_is_there(tmp_path: Path) -> None:
    require_writable(tmp_path)
    require_writable(tmp_path / "not" / "yet")
