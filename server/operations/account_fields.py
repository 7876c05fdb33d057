"""What the fields of an account may hold; each function answers what is wrong, field by field."""

from __future__ import annotations

import unicodedata
import zoneinfo
from functools import cache

from server.auth.users import name_key
from server.clock import is_id
from server.errors import FieldError
from server.languages import Languages

MAX_NAME = 64
# Whoever shares with `everybody` must know whom that is.
_EVERYBODY = frozenset({"everybody", "everyone", "all users", "所有人", "每个人", "全部用户"})
# What stands beside the zones on some machines: this machine's own, the rules of POSIX, "not set up yet".
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})
_ODD_NAME = 'Leave out / \\ < > ", blanks at the ends, and letters in unusual widths or styles.'


def name_problems(name: str | None, *, field: str = "name") -> list[FieldError]:
    """A user name: any script, inner spaces, but nothing invisible and nothing that looks like a path."""
    if name is None:
        return []
    if problems := text_problems(name, field=field, most=MAX_NAME):
        return problems
    is_odd = any(character in '/\\<>"' for character in name) or name in (".", "..")
    if is_odd or name != name.strip() or name != unicodedata.normalize("NFKC", name):
        return [FieldError(field=field, message=_ODD_NAME)]
    if len(name_key(name)) > MAX_NAME:  # case folding may lengthen
        return [FieldError(field=field, message="Use at most {count} characters.", parameters={"count": MAX_NAME})]
    if name_key(name) in _EVERYBODY:
        return [FieldError(field=field, message="This means everybody here; use another name.")]
    if is_id(name_key(name)):  # people and things of theirs are told apart by one or the other
        return [FieldError(field=field, message="This looks like an id of ours; use another name.")]
    return []


def text_problems(text: str, *, field: str, most: int) -> list[FieldError]:
    if not text.strip():
        return [FieldError(field=field, message="Fill this in.")]
    if len(text) > most:
        return [FieldError(field=field, message="Use at most {count} characters.", parameters={"count": most})]
    if not text.isprintable():  # also NUL and lone surrogates
        return [FieldError(field=field, message="This holds characters that cannot be stored.")]
    return []


def days_problems(days: int, *, field: str, most: int) -> list[FieldError]:
    if 1 <= days <= most:
        return []
    return [FieldError(field=field, message="Choose 1 to {count} days.", parameters={"count": most})]


def hours_problems(hours: int, *, field: str, most: int) -> list[FieldError]:
    if 1 <= hours <= most:
        return []
    return [FieldError(field=field, message="Choose 1 to {count} hours.", parameters={"count": most})]


def language_problems(language: str | None, languages: Languages) -> list[FieldError]:
    if language is None or language in languages.catalogues:
        return []
    return [FieldError(field="language", message="This language is not available.")]


def time_zone_problems(time_zone: str | None) -> list[FieldError]:
    if time_zone is None or time_zone in time_zones():
        return []
    return [FieldError(field="time_zone", message="This time zone is not known; use a name such as Asia/Shanghai.")]


@cache
def time_zones() -> frozenset[str]:
    """IANA names that a person may choose; never a path that somebody sends, nor what the machine has besides."""
    return frozenset(
        name
        for name in zoneinfo.available_timezones() - _NO_ZONES
        if not name.startswith(("Etc/", "posix/", "right/", "SystemV/"))
    )
