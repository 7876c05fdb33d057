"""What stands beside an action in the audit log is on a list, and everything the program writes is on it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.auth.audit_actions import DETAILS, kept_details

ROOT = Path(__file__).parents[3]
SECRET = re.compile("secret|hash|token|key|cookie|credential|sql|body|value|text")
RECORDING = ("Audit.record", "_audit.record", "self._record", "self._record_answer", "await _record")
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")


def written() -> Iterator[str]:
    """Every action that stands in a call of `record` anywhere in the program, or is handed to one."""
    for path in (*ROOT.glob("server/**/*.py"), *ROOT.glob("views/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called == "_record" or called.endswith(RECORDING):
                for argument in node.args:  # type: ignore[attr-defined]
                    if isinstance(argument, ast.Constant) and ACTION.fullmatch(str(argument.value)):
                        yield argument.value


def test_every_action_that_is_written_is_known() -> None:
    found = set(written())
    assert found - DETAILS.keys() == set()
    # These are chosen between in one call.
    assert DETAILS.keys() - found <= {"import.start", "import.check", "alert_rule.reset", "alert_rule.delete"}


def test_no_detail_could_be_a_secret() -> None:
    names = {name for details in DETAILS.values() for name in details}
    assert {name for name in names if SECRET.search(name)} == set()
    assert kept_details("user.change", {"role": None, "disabled": None, "password": True})["password"] is True


def test_what_is_not_on_the_list_is_left_out_and_told_to_us() -> None:
    with pytest.warns(UserWarning, match=r"token\.create"):
        assert kept_details("token.create", {"scopes": ["read"], "token": "jindu_x"}) == {"scopes": ["read"]}
    with pytest.warns(UserWarning, match=r"made\.up"):
        assert kept_details("made.up", {"password": "x"}) == {}


def test_long_details_are_cut_and_odd_ones_are_text() -> None:
    kept = kept_details("batch.start", {"template": "x" * 1000, "version": ROOT})
    assert (len(kept["template"]), kept["version"]) == (300, str(ROOT))
    assert len(kept_details("template.install_samples", {"names": ["n"] * 90})["names"]) == 50
