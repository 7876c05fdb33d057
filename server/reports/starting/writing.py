"""Names and texts of people in SQL, YAML and Jinja, each as plain as it can be and quoted where it must."""

from __future__ import annotations

import re

from server.datasets.sql_text import quoted

_PLAIN_NAME = re.compile(r"[a-z\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]*")
_MACHINE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN_TEXT = re.compile(r"[A-Za-z\u4e00-\u9fff](?:[A-Za-z0-9_\u4e00-\u9fff ./()·（）-]*[A-Za-z0-9\u4e00-\u9fff)）])?")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# DuckDB takes them for words of its own wherever they stand, or where a name is expected.
_RESERVED = (
    "all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary bit "
    "boolean both by case cast char character check coalesce collate collation column columns concurrently "
    "constraint create cross dec decimal default deferrable desc describe distinct do else end except exists "
    "extract false fetch float for foreign freeze from full generated glob grant group grouping grouping_id "
    "having ilike in initially inner inout int integer intersect interval into is isnull join lambda lateral "
    "leading left like limit map national natural nchar none not notnull null nullif numeric offset on only or "
    "order out outer overlaps overlay pivot pivot_longer pivot_wider placing position positional precision "
    "primary qualify real references returning right row select semi setof show similar smallint some struct "
    "substring summarize symmetric table tablesample then time timestamp to trailing treat trim true try_cast "
    "tuple union unique unpack unpivot using values varchar variadic verbose when where window with xmlattributes "
    "xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable"
)
SQL_WORDS = frozenset(_RESERVED.split())


def is_plain(name: str) -> bool:
    """Whether a name can stand in SQL, and behind a dot in an expression, as it is."""
    return _PLAIN_NAME.fullmatch(name) is not None and name not in SQL_WORDS


def sql_name(name: str) -> str:
    return name if is_plain(name) else quoted(name)


def scalar(text: str) -> str:
    """A text in YAML, on one line."""
    if _PLAIN_TEXT.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return in_quotes(text)


def in_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def jinja(text: str) -> str:
    """A text that is taken as it is where `{{ }}` would be evaluated."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)


def block(text: str, indent: int) -> str:
    """Lines, each moved to the right."""
    return "\n".join(" " * indent + line if line else line for line in text.split("\n"))


def one_line(text: str) -> str:
    """For comments and titles."""
    return " ".join("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in text).split())


def pretty(name: str) -> str:
    """`unit_price` → `Unit price`; what is written otherwise stays."""
    words = within_text(name)
    return words[:1].upper() + words[1:] if _MACHINE_NAME.fullmatch(name) else name


def within_text(name: str) -> str:
    """`unit_price` → `unit price`; what is written otherwise stays."""
    return name.replace("_", " ").strip() if _MACHINE_NAME.fullmatch(name) else name
