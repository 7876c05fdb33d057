"""What the commands about accounts take, beside `admin create`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_account_commands(commands: Commands) -> None:
    invite = commands.add_parser(
        "invite",
        help="print a link with which somebody makes an account",
        description="Print a link with which somebody makes an account, once. They choose name and password.",
    )
    invite.add_argument("name", metavar="NAME", nargs="?", default="", help="name to propose to them")
    invite.add_argument(
        "--role", choices=("viewer", "editor", "admin"), default="editor", help="what they may do (default: editor)"
    )
    invite.add_argument("--days", type=int, default=7, metavar="N", help="how long it works (default: 7, at most 30)")
    _on_data(invite)
    invite.set_defaults(run=_invite)
    reset = commands.add_parser(
        "reset-link",
        help="print a link with which a user chooses a new password",
        description="Print a link with which a user chooses a new password, once. A second factor is still asked for.",
    )
    reset.add_argument("name", metavar="NAME", help="who")
    reset.add_argument("--hours", type=int, default=24, metavar="N", help="how long it works (default: 24, at most 72)")
    _on_data(reset)
    reset.set_defaults(run=_reset_link)
    factor = commands.add_parser(
        "reset-two-factor",
        help="remove the second factor of a user who lost it",
        description="Remove the second factor of a user who lost phone and recovery codes. Then a password is enough.",
    )
    factor.add_argument("name", metavar="NAME", help="who")
    _on_data(factor)
    factor.set_defaults(run=_reset_two_factor)


def _on_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="data directory of the server (default: JINDU_DATA, else data)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, an object a line")


def _invite(options: dict[str, Any]) -> int:
    from server.auth.permissions import Role
    from server.cli.accounts import invite

    return invite(
        role=Role(options["role"]),
        name=options["name"],
        days=options["days"],
        data=options["data"],
        as_json=options["json"],
    )


def _reset_link(options: dict[str, Any]) -> int:
    from server.cli.accounts import make_reset_link

    return make_reset_link(name=options["name"], hours=options["hours"], data=options["data"], as_json=options["json"])


def _reset_two_factor(options: dict[str, Any]) -> int:
    from server.cli.accounts import reset_two_factor

    return reset_two_factor(name=options["name"], data=options["data"], as_json=options["json"])
