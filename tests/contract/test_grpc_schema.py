"""The .proto that programs were written against: what it had it keeps, and the code made of it is not old."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.process import ROOT

GRPC = ROOT / "server" / "transports" / "grpc"
SOURCE, MADE, RELEASED = GRPC / "proto", GRPC / "made", ROOT / "tests" / "contract" / "grpc-1"
_BUF = ROOT / "tests" / "clients" / "node_modules" / ".bin" / "buf"
_FILE = Path("jindu", "v1", "jindu")


def made(directory: Path) -> dict[str, str]:
    """What protoc makes of it, by the names that it has in `MADE`."""
    program = [sys.executable, "-m", "grpc_tools.protoc", f"-I{SOURCE}", f"--python_out={directory}"]
    subprocess.run([*program, f"--pyi_out={directory}", f"{_FILE}.proto"], check=True, timeout=60)
    return {
        path.name: path.read_text("utf-8") for path in (directory / f"{_FILE}_pb2.py", directory / f"{_FILE}_pb2.pyi")
    }


def buf(*words: str) -> str:
    """What it complains of."""
    assert _BUF.exists(), "make clients"
    told = subprocess.run([_BUF, *words], cwd=SOURCE, capture_output=True, text=True, timeout=60, check=False)
    return told.stdout + told.stderr


def test_the_code_is_what_the_proto_says(tmp_path: Path) -> None:
    """`.venv/bin/python -m tests.contract.test_grpc_schema` makes it anew."""
    assert {name: (MADE / name).read_text("utf-8") for name in made(tmp_path)} == made(tmp_path)


def test_buf_finds_nothing_in_it() -> None:
    assert buf("lint") == ""


def test_nothing_that_was_released_is_taken_away_or_changed() -> None:
    """Only ever add to it. What is new is copied into the released one with the next release."""
    assert buf("breaking", "--against", str(RELEASED)) == ""


def test_what_would_break_programs_is_found(tmp_path: Path) -> None:
    changed = tmp_path / "jindu" / "v1" / "jindu.proto"
    changed.parent.mkdir(parents=True)
    text = (SOURCE / f"{_FILE}.proto").read_text("utf-8")
    changed.write_text(text.replace("string position = 2;", "string place = 2;"), "utf-8")
    assert "position" in buf("breaking", str(tmp_path), "--against", str(RELEASED))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        for name, text in made(Path(directory)).items():
            (MADE / name).write_text(text, "utf-8")
