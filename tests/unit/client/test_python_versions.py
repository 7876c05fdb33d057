"""Scripts run on the Python that their machine has: the client does on all from 3.9 on."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULES = sorted((ROOT / "jindu").glob("*.py"))
OLDEST = (3, 9)
NEWER = {  # what only newer ones have, of all that could be of use here
    "aiter", "anext", "ExceptionGroup", "BaseExceptionGroup", "EncodingWarning", "PythonFinalizationError",
    "asyncio.timeout", "asyncio.timeout_at", "asyncio.TaskGroup", "asyncio.Runner", "asyncio.Barrier",
    "itertools.pairwise", "itertools.batched", "contextlib.aclosing", "contextlib.chdir", "datetime.UTC",
    "dataclasses.KW_ONLY", "enum.StrEnum", "inspect.get_annotations", "math.cbrt", "sys.exception", "sys.monitoring",
    "tomllib", "types.NoneType", "types.EllipsisType", "types.UnionType", "operator.call", "hashlib.file_digest",
    "typing.Self", "typing.ParamSpec", "typing.TypeAlias", "typing.assert_never", "typing.override", "typing.Never",
    "typing.assert_type", "typing.LiteralString", "typing.NotRequired", "typing.Required", "typing.TypeGuard",
}  # fmt: skip
NEWER_KEYWORDS = {"dataclass": {"slots", "kw_only", "weakref_slot"}, "zip": {"strict"}, "add_note": set()}
OTHER_PYTHONS = ("3.9", "3.10", "3.12", "3.13", "3.14")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_uses_nothing_that_the_oldest_python_lacks(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=OLDEST)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            found.add(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.Call):
            newer = NEWER_KEYWORDS.get(ast.unparse(node.func).rpartition(".")[2], set())
            found |= {f"{keyword.arg}=" for keyword in node.keywords if keyword.arg in newer}
            if ast.unparse(node.func) == "isinstance":
                found |= {"isinstance |" for arg in node.args if isinstance(arg, ast.BinOp)}
        elif isinstance(node, ast.ExceptHandler) and node.type is not None and ast.unparse(node.type) == "TimeoutError":
            found.add("TimeoutError, which asyncio's is not before 3.11")
    bad = {name for name in found if name in NEWER or name.endswith(("=", "|", "3.11"))}
    assert not bad
    assert "from __future__ import annotations" in path.read_text("utf-8")


def other_python(version: str) -> str | None:
    """That Python of this machine, if it has it."""
    places = [shutil.which(f"python{version}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places += [str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python{version}")]
    for place in filter(None, places):
        asked = subprocess.run([place, "-c", "import sys; print(*sys.version_info[:2], sep='.')"], capture_output=True)
        if asked.stdout.decode().strip() == version:
            return place
    return None


# How loops are left (`jindu/leaving.py`) rests on instructions, which are others in each version.
LOOPS = """
import contextlib, sys
from jindu.leaving import Consumer, Left
left = []

def track(items):
    consumer = Consumer(sys._getframe().f_back)
    try:
        for item in items:
            yield item
    except GeneratorExit:
        left.append(consumer.how_left(sys._getframe().f_back))
        raise

def fails(x):
    if x == 2: raise ValueError

def early_break():
    for x in track(range(5)):
        if x == 2: break
def early_return():
    for x in track(range(5)):
        if x == 2: return x * 2
def early_return_of_nothing():
    for x in track(range(5)):
        if x == 2: return
def early_break_in_with():
    for x in track(range(5)):
        with contextlib.nullcontext():
            if x == 2: break
def early_return_in_with():
    for x in track(range(5)):
        with contextlib.nullcontext():
            if x == 2: return x
def early_break_in_finally():
    for x in track(range(5)):
        try:
            if x == 2: break
        finally: fails(0)
def early_break_in_except():
    for x in track(range(5)):
        try: fails(x)
        except ValueError: break
def early_break_of_enumerate():
    for number, x in enumerate(track(range(5))):
        if x == 2: break
def early_break_around_a_generator():
    def clean():
        for x in track(range(5)): yield x
    for x in clean():
        if x == 2: break
def early_end_of_zip():
    for x, y in zip(track(range(5)), range(2)): pass
def early_del():
    items = track(range(5)); next(items); del items

def exception_of_a_call():
    for x in track(range(5)): fails(x)
def exception_raised():
    for x in track(range(5)):
        if x == 2: raise ValueError
def exception_of_arithmetic():
    for x in track(range(5)): 1 / (x - 2)
def exception_through_finally():
    for x in track(range(5)):
        try: fails(x)
        finally: pass
def exception_through_with():
    for x in track(range(5)):
        with contextlib.nullcontext(): fails(x)
def exception_that_no_handler_takes():
    for x in track(range(5)):
        try: fails(x)
        except KeyError: pass
def exception_raised_again():
    for x in track(range(5)):
        try: fails(x)
        except ValueError: raise
def exception_of_enumerate():
    for number, x in enumerate(track(range(5))): fails(x)
def exception_of_unpacking():
    try:
        for x, y in track([1, 2]): pass
    except TypeError: pass

def unknown_to_a_function_in_c():
    any(x > 2 for x in track(range(5)))

for name, loop in list(globals().items()):
    if not name.startswith(("early", "exception", "unknown")): continue
    left.clear()
    with contextlib.suppress(Exception):
        loop()
    wanted = {"early": Left.EARLY, "exception": Left.BY_EXCEPTION, "unknown": Left.UNKNOWN}[name.partition("_")[0]]
    assert left == [wanted], (name, left)
"""
EVERYTHING = """
import jindu
with jindu.job("x", total=2) as job:
    job.advance()
print(sum(jindu.track(range(4))), sum(jindu.tqdm(range(4), leave=False)))
"""


@pytest.mark.parametrize("version", ["3.11", *OTHER_PYTHONS])
@pytest.mark.parametrize("text", [EVERYTHING, LOOPS], ids=["everything", "loops"])
def test_it_runs_on_the_other_pythons_of_this_machine(version: str, text: str) -> None:
    python = other_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    environ = {
        "PYTHONPATH": str(ROOT),
        "JINDU_URL": "http://127.0.0.1:9",
        "JINDU_TOKEN": "x",
        "JINDU_CLOSE_SECONDS": "0",
    }
    ran = subprocess.run([python, "-c", text], env=environ, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "6 6\n" if text is EVERYTHING else ""), ran.stderr
