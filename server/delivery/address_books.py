"""A dataset that says who gets each report: found by a key, while the reports of an order are made out."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from server.texts import Phrase, phrase


class LookupProblem(StrEnum):
    """Why nobody was found for a key. What is unclear is never guessed: a wrong recipient cannot be called back."""

    EMPTY = "empty"  # the report's parameter has no value
    UNKNOWN = "unknown"  # no row has it
    DIFFERS = "differs"  # several rows have it, with different addresses
    NOBODY = "nobody"  # its row has no address


class AddressBook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`dataset` as in SQL (`contacts`, `mei.contacts`). Its row whose `key` is the report's `parameter` (called as the
    key if it is left out) names in `column` who gets the report."""

    dataset: str
    key: str
    column: str
    parameter: str = ""

    @property
    def by(self) -> str:
        return self.parameter or self.key

    @property
    def carried_as(self) -> str:
        """Under which name what was found is kept with a report; no column is called so."""
        return "\n".join((self.dataset, self.key, self.column, self.by))

    @property
    def key_as(self) -> str:
        return f"{self.carried_as}\nkey"

    @property
    def problem_as(self) -> str:
        return f"{self.carried_as}\nproblem"

    def told(self, problem: LookupProblem, key: str) -> Phrase:
        words = {
            LookupProblem.EMPTY: phrase(
                "Its “{parameter}” is empty, so nobody can be found in “{dataset}”.",
                parameter=self.by,
                dataset=self.dataset,
            ),
            LookupProblem.UNKNOWN: phrase("“{key}” is not in “{dataset}”.", key=key, dataset=self.dataset),
            LookupProblem.DIFFERS: phrase(
                "“{key}” is several times in “{dataset}”, with different addresses.", key=key, dataset=self.dataset
            ),
            LookupProblem.NOBODY: phrase("“{key}” has no address in “{dataset}”.", key=key, dataset=self.dataset),
        }
        return words[problem]


class BookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The dataset of an address book as an order found it. `files` are blob keys."""

    dataset_id: str
    version: int
    files: list[str]
