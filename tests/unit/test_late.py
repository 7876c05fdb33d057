"""What the start puts off is not imported by it, and is there before anybody has to wait for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from server.late import LatePackage
from server.places import STATIC

_PUT_OFF = {"alembic", "duckdb", "holidays", "joserfc", "pyarrow", "segno", "webauthn"}
_PROGRAM = """
import json, sys
import server.serving
before = sorted(sys.modules)
from server.late import import_all
import_all()
json.dump([before, sorted(sys.modules)], sys.stdout)
"""


def test_a_server_starts_without_what_no_first_page_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=STATIC.parent, capture_output=True, check=True, timeout=120
    )
    before, after = json.loads(done.stdout)
    assert _PUT_OFF.isdisjoint(before)
    assert {"holidays", "joserfc.jwt", "segno", "webauthn"} <= set(after)


def test_a_package_is_imported_when_something_of_it_is_wanted() -> None:
    assert LatePackage("json.decoder").JSONDecoder is json.JSONDecoder
    nothing = LatePackage("no_such_package_at_all")
    with pytest.raises(ModuleNotFoundError):
        _ = nothing.anything
