"""What is handed out for Grafana and Prometheus asks for figures that there are, with labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from server.monitoring.exposition import exposition
from tests.unit.monitoring.test_exposition import full

DEPLOY = Path(__file__).parent.parent.parent.parent / "deploy"
_OF_PROMETHEUS = {"job", "instance", "le"}


def known() -> dict[str, set[str]]:
    """Each name that Prometheus would store, with its labels."""
    families = text_string_to_metric_families(exposition(full(), version="1").decode())
    found: dict[str, set[str]] = {}
    for family in families:
        if not family.samples:  # nothing of it was counted yet, so that only its name is known
            suffixes = ("_total",) if family.type == "counter" else ("", "_bucket", "_sum", "_count")
            found |= {family.name + suffix: {"*"} for suffix in suffixes}
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric in it, with the labels that it is chosen by."""
    for name, chosen in re.findall(r"\b(jindu_[a-z_]+)(\{[^}]*\})?", expression):
        yield name, set(re.findall(r"(\w+)=~?", chosen))


def expressions_of(board: Any) -> list[str]:
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return found + [each["expr"] for each in board["annotations"]["list"]]


def rules() -> list[dict[str, Any]]:
    text = YAML(typ="safe", pure=True).load((DEPLOY / "prometheus-rules.yml").read_text("utf-8"))
    return [rule for group in text["groups"] for rule in group["rules"]]


def all_expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    return [*expressions_of(board), *(rule["expr"] for rule in rules())]


@pytest.mark.parametrize("expression", all_expressions())
def test_every_figure_that_is_asked_for_is_there(expression: str) -> None:
    there = known()
    for name, labels in asked(expression):
        assert name in there, name
        assert there[name] == {"*"} or labels <= there[name] | _OF_PROMETHEUS
    labels_by = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
    names = [name for name, _ in asked(expression)]
    for label in labels_by - _OF_PROMETHEUS:
        assert any(label in there[name] or there[name] == {"*"} for name in names), label
    assert expression.count("(") == expression.count(")")


def test_panels_do_not_lie_on_each_other() -> None:
    board = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_every_rule_says_how_bad_it_is_and_what_is_wrong() -> None:
    assert len(rules()) >= 8
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith((".", "total.", "memory."))
