"""What to look at before an import: every warning that there is has its short name, and the worst comes first."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import server
from server.datasets.doubts import MESSAGES
from server.datasets.schema import FileWarning
from server.places import TEMPLATES
from views.import_columns import FormColumn
from views.import_problems import ImportProblem, doubts_by_place, is_doubtful, problems_of

LABELS = (TEMPLATES / "imports/_problem_labels.html").read_text("utf-8")


def codes() -> set[str]:
    """All that readers of files warn of."""
    found = set(MESSAGES)
    for path in (Path(server.__file__).parent / "datasets").glob("*.py"):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if "FileWarning(" in source else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FileWarning":
                values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                found |= {value.value for value in values if isinstance(value, ast.Constant)}
    return found


def warning(code: str, **parameters: object) -> FileWarning:
    return FileWarning(code=code, message="…", parameters=parameters)


def told(problems: list[ImportProblem]) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.place) for problem in problems]


@pytest.mark.parametrize("code", sorted(codes()))
def test_each_warning_has_a_short_name(code: str) -> None:
    assert f'"{code}"' in LABELS


def test_the_worst_comes_first_then_what_is_about_the_file() -> None:
    columns = [
        FormColumn(source="a", name="A", type="integer", misfits=2),
        FormColumn(source="b", name="b", type="date"),
    ]
    warnings = [
        warning("ambiguous_dates", column="b"),
        warning("merged_cells", count=1),
        warning("total_rows", count=3),
    ]
    problems = problems_of(columns, warnings, {"c1.pattern": "wrong", "dataset": "wrong"})
    assert told(problems) == [
        ("mistake", 1), ("total_rows", None), ("misfits", 0), ("ambiguous_dates", 1), ("merged_cells", None),
    ]  # fmt: skip
    assert [problem.count for problem in problems] == [None, 3, 2, None, 1]
    assert is_doubtful(problems)
    assert not is_doubtful(problem for problem in problems if problem.code != "total_rows")
    assert [told(doubts) for doubts in doubts_by_place(problems, 2)] == [[], [("ambiguous_dates", 1)]]


def test_what_is_left_out_or_called_right_is_no_problem() -> None:
    columns = [
        FormColumn(source="a", name="A", type="integer", misfits=2, keep=False),
        FormColumn(source="b", name="b", type="date", accepted=frozenset({"ambiguous_dates"})),
    ]
    assert problems_of(columns, [warning("ambiguous_dates", column="b")], {}) == []


def test_what_nobody_said_of_a_column_is_found_out_again() -> None:
    found = FormColumn(source="a", name="A", type="date", format="DD/MM/YYYY", required=True)
    assert (found.said_spec.type, found.said_spec.format, found.said_spec.required) == (None, None, True)
    typed = FormColumn(source="a", name="A", type="date", format="DD/MM/YYYY", said=frozenset({"type"}))
    assert (typed.said_spec.type, typed.said_spec.format) == ("date", None)
    assert (found.spec.type, found.spec.format) == ("date", "DD/MM/YYYY")
