"""Schemathesis, let loose on a server that holds something of every kind: one run for a role, with all its checks."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
_ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429"]
_REFUSED = ["401", "403", "404", "405", "409", "429"]
_TUS = (400, 412, 413, 415, 460, 422, 423)  # tus itself demands 412, 415, 460
# What no schema can say, by operation: with which statuses a request may be refused that the document allows.
UNSAYABLE: dict[str, tuple[tuple[int, ...], str]] = {
    "api_change_me": (
        (422,),
        "characters that are not printable or not NFKC; which languages and zones there are",
    ),
    "api_change_my_mail": ((422, 429), "whether mail is set up; what an address is; how many were tried"),
    "api_push_subscribe": ((403, 422), "whether it is set up; that a token is no browser; where notifications go"),
    "api_confirm_my_mail": ((422, 429), "whether there is an address to confirm"),
    "api_create_user": ((422,), "the same, and passwords that everybody tries first"),
    **dict.fromkeys(("api_create_group", "api_change_group"), ((422,), "which users there are; such characters")),
    **dict.fromkeys(
        ("api_change_dataset_access", "api_change_template_access", "api_change_batch_access"),
        ((422,), "which users and groups there are; that one of the three is said, and nobody twice"),
    ),
    **dict.fromkeys(("api_hand_over_schedules", "api_schedule_hand_over"), ((422,), "which users there are")),
    "api_change_user": ((422,), "such passwords; that something must change"),
    "api_change_password": ((422,), "what the present password is; passwords that everybody tries first"),
    "api_create_token": ((422,), "characters that are not printable"),
    "api_add_alert_rule": (
        (422,),
        "which thresholds a subject can have; that a script's jobs are named",
    ),
    "api_change_alert_rule": ((422,), "which thresholds a subject can have"),
    "api_test_alert": ((422,), "which channels are set up"),
    "api_plan_maintenance": (
        (422,),
        "which days and zones there are; that it is not over; characters",
    ),
    "api_add_wall": ((422,), "characters that are not printable; how many there are"),
    "api_invite": ((422,), "characters that are not printable or not NFKC"),
    "api_begin_second_factor": ((422,), "what the present password is"),
    "api_confirm_second_factor": ((422,), "what was sealed, and which code the app shows"),
    "api_recovery_codes": ((422,), "what the present password is"),
    "api_remove_second_factor": ((422,), "the same"),
    "api_begin_passkey": ((422,), "the same"),
    "api_add_passkey": ((422,), "what was sealed, and what a device answers"),
    "api_rename_passkey": ((422,), "characters that are not printable"),
    "api_close_connection": ((422,), "characters that are not printable"),
    "api_broadcast": ((422,), "characters that are not printable, in an address"),
    "begin_job": ((422,), "how many bytes of JSON `detail` takes; characters that nobody sees"),
    "change_job": ((422,), "the same"),
    **dict.fromkeys(("cancel_jobs", "retry_jobs"), ((422,), "that something is chosen")),
    **dict.fromkeys(
        ("delete_batches", "retry_batches", "cancel_batches", "share_batches"), ((422,), "whom there is to share with")
    ),
    "save_view": ((422,), "that it chooses something; characters that are not printable; how many there are"),
    "change_view": ((422,), "the same"),
    "api_upload_preview": ((422,), "what a file is: an image is no table; which encodings and sheets there are"),
    "api_upload_preview_again": ((422,), "the same; which columns the file has, what fits their types"),
    "api_start_import": ((422,), "the server's own limit of rejects"),
    "api_check_import": ((422,), "the same; which datasets there are to append to"),
    "api_start_fetch": ((422,), "that one place is named; which folders and hosts there are"),
    "api_dataset_rows": ((422,), "which columns there are, and what fits their types"),
    "api_change_dataset": ((422,), "which columns there are"),
    "api_dataset_export": ((422,), "which columns there are, and what fits their types"),
    "api_dataset_diff": ((422,), "which columns and versions there are"),
    "api_rejects": ((422,), "at which bytes of the list a page begins"),
    "api_left_rows": ((422,), "at which bytes of the newest list a page begins"),
    "api_correct_rows": ((422,), "how many columns the file has; that each line comes once"),
    "api_batch_delete": ((423,), "whether its reports are being made at this moment"),
    "api_delete_dataset": ((423,), "whether it is being imported into at this moment"),
    "api_query": ((422,), "SQL"),
    "api_template_put": ((422,), "the language of templates, and SQL in it"),
    "api_template_diff": ((422,), "which versions there are"),
    "api_template_preview": ((422,), "the same; which parameters the template takes"),
    "api_batch_start": ((422,), "which parameters the template takes; SQL; which ways out there are"),
    "api_batch_deliver": ((409, 422), "which ways out this server is set up for; which addresses are addresses"),
    "api_delivery_preview": ((422,), "the same; which parameters the template takes; SQL"),
    "api_batch_reorder": ((422,), "whether a report failed, and what the template takes by now"),
    "api_schedule_create": (
        (422,),
        "which times, zones, datasets, schedules and parameters there are; that one thing says when",
    ),
    "api_schedule_change": ((409, 422), "the same; whether what it needs is still there"),
    "api_link_make": ((422,), "that one thing is named; which days are to come; characters that nobody sees"),
    "api_brand_save": ((422,), "characters that nobody sees"),
    "api_server_brand_save": ((422,), "the same"),
    "api_brand_logo_save": ((422,), "which bytes are a picture"),
    "api_server_brand_logo_save": ((422,), "the same"),
    "create_upload": (
        _TUS,
        "which headers of tus go together, base64, checksums of what comes, how large a file is",
    ),
    "tus_append": (_TUS, "the same; where the upload is"),
    "tus_method_override": (_TUS, "the same"),
    "tus_position": (_TUS, "the same"),
    "delete_upload": (_TUS, "the same"),
    "download_upload": ((422,), "whether the file is complete"),
    "get_upload": ((422,), "whether the file is complete"),
}
# Which parts of bodies name what there is.
_NAMED = {
    "api_start_import": ("body.upload_id", "/uploads/{id}"),
    "api_batch_start": ("body.template", "/templates/{name}"),
    "api_link_make": ("body.report", "/reports/{id}"),
    "api_schedule_create": ("body.template", "/templates/{name}"),
}
# These would end what the run stands on: its token, its user, its datasets. What they do has tests of its own; here
# they meet ids of nothing, and of things that were made to be thrown away.
_TAKES_AWAY = (
    "api_delete_token",
    "api_push_unsubscribe",
    "api_remove_alert_rule",
    "api_end_maintenance",
    "api_remove_wall",
    "api_change_user",
    "api_hand_over_schedules",
    "api_schedule_hand_over",
    "api_change_dataset",
    "api_delete_dataset",
    "api_template_delete",
    "api_batch_delete",
    "api_link_revoke",
    "remove_view",
    "api_schedule_delete",
    "delete_job",
    "delete_upload",
    "tus_method_override",
)
# Of each operation; of one that only reads it takes one then, since those differ little from one another.
_FEW = 3
# An empty body means all that there is, so that no id keeps it from anything.
_TAKES_ALL_AWAY = ("delete_jobs", "delete_batches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhabitant:
    """Somebody with something of every kind. `things` are their ids and names by the address of the kind.

    Operations that are `closed` to them are left out.
    """

    role: str
    token: str
    things: Mapping[str, str]
    closed: Collection[str] = ()


async def fuzz(
    inhabitant: Inhabitant,
    *,
    url: str,
    peers: Sequence[Inhabitant],
    directory: Path,
    document: Mapping[str, Any],
    examples: int,
    phases: str,
) -> str:
    """What schemathesis says about the whole API, when it has anything to say.

    `peers` are those who must not see each other's things.
    """
    config, logins = directory / f"{inhabitant.role}.toml", directory / f"{inhabitant.role}-logins.json"
    logins.write_text(json.dumps({"auth": [_login(each) for each in peers]}))
    changes = _config(inhabitant, document, is_short=examples <= _FEW)
    config.write_text("\n".join((*_authentication(inhabitant, peers, logins), *changes)))
    arguments = ["--max-examples", str(examples), "--phases", phases]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        *(f"{url}/api/v1/openapi.json", "--continue-on-failure", "--no-color", *arguments),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = (await process.stdout.read()).decode()
    return "" if await process.wait() == 0 else said


def _login(inhabitant: Inhabitant) -> dict[str, Any]:
    headers = [{"name": "Authorization", "value": f"Bearer {inhabitant.token}"}]
    return {"name": inhabitant.role, "fixedHeaders": headers}


def _authentication(inhabitant: Inhabitant, peers: Sequence[Inhabitant], logins: Path) -> Iterator[str]:
    yield 'hooks = "tests.contract.fuzzing_hooks"'
    yield "request-timeout = 30.0"
    yield "warnings = false"
    if inhabitant in peers:
        yield "[auth.wfc]"
        yield f"path = {json.dumps(str(logins))}"
        yield f"user = {json.dumps(inhabitant.role)}"
        yield f"peers = {json.dumps([each.role for each in peers])}"
    else:
        yield "[auth.openapi.token]"
        yield f"bearer = {json.dumps(inhabitant.token)}"


def _config(inhabitant: Inhabitant, document: Mapping[str, Any], *, is_short: bool) -> Iterator[str]:
    yield "[generation]"
    yield "no-shrink = true"
    yield "deterministic = true"
    yield "[dictionaries]"
    for name, value in inhabitant.things.items():
        yield f"{json.dumps(name)} = {{values = [{json.dumps(value)}]}}"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            changes = [*_changes(path, operation, inhabitant)]
            if is_short and method == "get":
                changes.append("phases.fuzzing.generation.max-examples = 1")
            if changes:
                yield "[[operations]]"
                yield f"include-operation-id = {json.dumps(operation['operationId'])}"
                yield from changes


def _changes(path: str, operation: Mapping[str, Any], inhabitant: Inhabitant) -> Iterator[str]:
    """How one operation is to be treated otherwise."""
    name, kind = operation["operationId"], path.partition("}")[0].removeprefix("/api/v1") + "}"
    if name in inhabitant.closed or name in _TAKES_ALL_AWAY:
        yield "enabled = false"
        return
    if name in UNSAYABLE:
        statuses = [*_ACCEPTED, *map(str, UNSAYABLE[name][0])]
        yield f"checks.positive_data_acceptance.expected-statuses = {json.dumps(statuses)}"
    if UNSAYABLE.get(name, ((), ""))[0] == _TUS:
        yield f"checks.negative_data_rejection.expected-statuses = {json.dumps([*_REFUSED, *map(str, _TUS)])}"
        yield f"checks.missing_required_header.expected-statuses = {json.dumps([*_REFUSED, *map(str, _TUS)])}"
    if name in _TAKES_AWAY:
        for phase in ("examples", "coverage", "fuzzing"):
            yield f"phases.{phase}.extra-data-sources.responses = false"
    elif kind in inhabitant.things:
        yield _from_dictionary(f"path.{kind.partition('{')[2].removesuffix('}')}", kind)
    if name in _NAMED:
        yield _from_dictionary(*_NAMED[name])


def _from_dictionary(place: str, kind: str) -> str:
    """Mostly something that there is, so that the request gets beyond "not found"."""
    return f'parameters."{place}" = {{dictionary = {json.dumps(kind)}, probability = 0.7}}'
