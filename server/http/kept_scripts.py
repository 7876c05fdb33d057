"""Scripts of ours as they were taken apart at an earlier start: where Python keeps what it compiled, and as trusted."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from server.http import static_scripts
from server.http.static_cache import write_whole
from server.http.static_scripts import Script, script

_LOG = logging.getLogger("jindu.http")
_NAME = "scripts.msgpack"
Parse = Callable[[str, bytes], Script]


@contextmanager
def kept_scripts(directory: Path | None) -> Iterator[Parse]:
    """What stands for `script` meanwhile; at the end what was asked for is kept. None: nothing is kept."""
    if directory is None:
        yield script
        return
    found = _read(directory / _NAME)
    asked: dict[str, Script] = {}

    def parse(path: str, source: bytes) -> Script:
        key = hashlib.sha256(b"\0".join((_HOW, path.encode(), source))).hexdigest()
        asked[key] = found.get(key) or script(path, source)
        return asked[key]

    yield parse
    if asked.keys() != found.keys():
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write_whole(directory / _NAME, msgspec.msgpack.encode(asked))
        except OSError as error:  # installed by somebody else: each start takes them apart
            _LOG.debug("scripts that were taken apart are not kept: %s", error, extra={"action": "static_files"})


def _read(path: Path) -> dict[str, Script]:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=dict[str, Script])
    except (OSError, msgspec.MsgspecError):  # none yet, or of another version
        return {}


_HOW = hashlib.sha256(Path(static_scripts.__file__).read_bytes()).digest()  # by other rules, there would be other parts
