"""Templates that take blocks and queries from others."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import InvalidInput
from server.reports.binding import check_template
from server.reports.bundles import Included, bundled, parted
from server.reports.template_issues import TemplateIssue
from tests.unit.reports.orders import COLUMNS, content, render

HEAD = """\
title: Head
parameters: {region: {}}
queries:
  sold: select sum(amount) as n from orders where region = $region
blocks:
  - heading: "Our company, {{ region }}"
  - text: "Sold {{ sold.n }}"
"""
SOURCE = """\
title: "{{ region }}"
parameters: {region: {type: text}}
queries:
  own: select 1 as n
blocks:
  - text: "before {{ own.n }}"
  - when: "region == 'East'"
    blocks:
      - include: head
  - include: foot
"""
FOOT = "title: f\nblocks: [{text: The end}]\n"


def with_others(source: str = SOURCE, head: str = HEAD, foot: str = FOOT) -> str:
    others = [Included(name="head", version=3, source=head), Included(name="foot", version=1, source=foot),
              Included(name="unused", version=9, source="{{ broken")]  # fmt: skip
    return bundled(source, others)


def told(source: str) -> list[TemplateIssue]:
    return check_template(source, {"orders": COLUMNS})


def test_a_bundle_is_parted_as_it_was_put_together() -> None:
    own, included = parted(with_others())
    assert own.rstrip("\n") == SOURCE.rstrip("\n")
    assert {name: (each.version, each.source.strip()) for name, each in included.items()} == {
        "head": (3, HEAD.strip()), "foot": (1, FOOT.strip()), "unused": (9, "{{ broken"),
    }  # fmt: skip
    assert parted(SOURCE) == (SOURCE, {})


def test_blocks_and_queries_of_others_stand_where_they_are_included(orders: Path, tmp_path: Path) -> None:
    assert told(with_others()) == []
    page = content(render(with_others(), orders, tmp_path, {"region": "East"}))
    assert page.index("before 1") < page.index("Our company, East") < page.index("Sold ") < page.index("The end")
    assert "With: foot (version 1), head (version 3)" in page
    assert "unused" not in page


def test_own_queries_go_before_those_of_others(orders: Path, tmp_path: Path) -> None:
    source = SOURCE.replace("own: select 1 as n", "own: select 1 as n\n  sold: select 42 as n")
    assert "Sold 42" in content(render(with_others(source), orders, tmp_path, {"region": "East"}))


def test_what_is_wrong_is_told_at_the_line_that_includes_it() -> None:
    wrong = told(with_others(head=HEAD.replace("sum(amount)", "sum(amont)")))
    assert [(issue.line, "amont" in issue.text) for issue in wrong] == [(9, True)]
    wrong = told(with_others(head=HEAD.replace("{{ region }}", "{{ nobody }}")))
    assert [(issue.line, "nobody" in issue.text) for issue in wrong] == [(9, True)]
    assert wrong[0].text.startswith("In “head”, line 6: “nobody” is neither a parameter nor a query.")
    [issue] = told(with_others(head="title: ["))
    assert (issue.line, issue.text[:20]) == (9, "In “head”, line 2: T")
    [issue] = told(with_others(head=HEAD.replace("sum(amount) as n", "|\n      select\n        amont")))
    assert "In “head”, line " in issue.text


def test_what_fails_in_an_included_template_names_it_and_its_line(orders: Path, tmp_path: Path) -> None:
    for wrong, place in (
        (HEAD.replace("sum(amount)", "error('no')"), "query “sold” of “head”, its line 4, line 9"),
        (HEAD.replace("{{ sold.n }}", "{{ 1 / 0 }}"), "include[1] (text) of “head”, its line 7, line 9"),
    ):
        with pytest.raises(InvalidInput) as caught:
            render(with_others(head=wrong), orders, tmp_path, {"region": "East"})
        assert place in caught.value.text


@pytest.mark.parametrize("foot", ["title: f\n", "- a\n", "title: f\nblocks: []\n"])
def test_an_included_template_without_blocks_is_a_warning(foot: str) -> None:
    [issue] = told(with_others(foot=foot))
    assert (issue.severity, issue.line) == ("warning", 10)
    assert issue.text == "“foot” has no blocks to include; nothing is shown here."


def test_a_template_that_is_not_there_or_includes_others_is_none_to_include() -> None:
    [issue] = told(with_others(SOURCE.replace("include: head", "include: hed")))
    assert "no template “hed” of yours to include. Did you mean “head”?" in issue.text
    [issue] = told(with_others(head="title: x\nblocks: [{include: foot}]"))
    assert (issue.line, "“head” is included, and cannot include others itself" in issue.text) == (9, True)
    [issue] = told(SOURCE.replace("- include: foot", "- text: x"))
    assert "no template “head” of yours" in issue.text


def test_an_include_names_a_template() -> None:
    [issue] = told('title: x\nblocks: [{include: ""}]\n')
    assert (issue.line, issue.text) == (2, "Name the template of yours whose parts shall stand here.")


def test_a_template_that_includes_itself_ends() -> None:
    source = "title: x\nblocks: [{include: me}]\n"
    [issue] = told(bundled(source, [Included(name="me", version=1, source=source)]))
    assert "cannot include others itself" in issue.text
