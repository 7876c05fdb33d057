"""Reads an ECharts option that an author wrote, and refuses what could run, open or load something."""

from __future__ import annotations

from typing import Any

from server.reports.reading import Issues, MapReader
from server.reports.yaml_source import YamlNode

_UNSAFE_TEXTS = ("javascript:", "http:", "https:", "//", "image:", "path:", "data:", "<")
# What draws pages, opens addresses or offers files; a report shows data.
_UNSAFE_KEYS = frozenset({"link", "sublink", "toolbox", "graphic", "renderitem", "target", "subtarget", "extracsstext"})


def read_option(reader: MapReader) -> dict[str, Any] | None:
    """None when there is none."""
    node = reader.get("option")
    if node is None:
        return None
    if node.kind != "map":
        reader.issues.add(node, "“option” must be an ECharts option, written as YAML.")
        return None
    reader.issues.met(node, "option")
    option: dict[str, Any] = _plain(node, reader.issues)
    return option


def _plain(node: YamlNode, issues: Issues) -> Any:
    if node.kind == "list":
        return [_plain(item, issues) for item in node.value]
    if node.kind == "scalar":
        _require_harmless(node, issues)
        return node.value
    result = {}
    for key, value in node.value:
        name = str(key.value)
        if name.lower() in _UNSAFE_KEYS:
            issues.add(key, "“{key}” cannot be used in a chart's option.", key=name)
        result[name] = _plain(value, issues)
    return result


def _require_harmless(node: YamlNode, issues: Issues) -> None:
    text = node.value.lower().lstrip() if isinstance(node.value, str) else ""
    if "function" in text or "=>" in text:
        issues.add(node, "Functions cannot be used in a chart's option; use a text pattern such as “{b}: {c}”.")
    elif any(part in text for part in _UNSAFE_TEXTS):
        issues.add(node, "Addresses, images and HTML cannot be used in a chart's option.")
