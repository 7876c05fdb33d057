"""Which texts are addresses of mail: those that a mail server takes as one, and nobody can hide a second one in."""

from __future__ import annotations

import re
from collections.abc import Collection

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_LABEL}(\.{_LABEL})*")
_MOST_CHARACTERS, _MOST_LOCAL = 254, 64
_BETWEEN = re.compile(r"[,;，；、]")


def is_address(text: str) -> bool:
    is_short = len(text) <= _MOST_CHARACTERS and len(text.partition("@")[0]) <= _MOST_LOCAL
    return is_short and _ADDRESS.fullmatch(text) is not None


def parted_addresses(text: str) -> list[str]:
    """What stands in a cell, each once, whatever the case it is written in; right or wrong. Only commas and semicolons
    part: what has a blank or a line of its own is none, as is `a@example.com⏎Bcc: b@example.com`, and nobody gets it.
    """
    pieces = (" ".join(each.split()) for each in reversed(_BETWEEN.split(text)))
    found = {each.casefold(): each for each in pieces if each}
    return list(reversed(found.values()))


def is_of_domains(address: str, domains: Collection[str]) -> bool:
    """Whether mail may go there. Without `domains` it may go anywhere; one holds those below it."""
    domain = address.rpartition("@")[2].casefold()
    return not domains or any(domain == each or domain.endswith(f".{each}") for each in domains)
