"""`import` on the command line: checked before it sends, goes on where it was, reads pipes and profiles."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jindu import Client
from tests.conftest import Server
from tests.functional.command_line import ORDERS, as_user, begin, ended, run
from tests.functional.importing import import_text

MIB = 1024 * 1024


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS, "utf-8")
    return path


async def items(client: aiohttp.ClientSession, path: str) -> list[dict[str, Any]]:
    async with client.get(f"/api/v1{path}") as response:
        found: list[dict[str, Any]] = (await response.json())["items"]
        return found


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--dataset", "Bad Name"), "small letters"),
        (("--dataset", "new", "--mode", "append"), "to append to"),
        (("--dataset", "orders"), "already a dataset"),
        (("--dataset", "new", "--encoding", "klingon"), "no encoding named"),
        (("--dataset", "new", "--delimiter", "too long"), "delimiter"),
        (("--dataset", "new", "--column", "amount:money"), "columns"),
        (("--dataset", "new", "--reject-limit", "999999999"), "reject_limit"),
        (("--dataset", "new", "--profile", "none-of-mine"), "no profile"),
        ((), "--dataset"),
    ],
)
async def test_what_is_wrong_with_an_import_is_told_before_anything_is_sent(
    server: Server, alice: aiohttp.ClientSession, orders: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    await import_text(alice)
    before = await items(alice, "/uploads")
    outcome = await run("import", str(orders), "--json", *arguments, **as_user(server, alice))
    assert outcome.status == 2, outcome
    assert complaint in outcome.error
    assert complaint in json.loads(outcome.out)["error"]["message"]
    assert await items(alice, "/uploads") == before


async def test_the_upload_of_a_refused_import_does_not_stay(server: Server, alice: aiohttp.ClientSession) -> None:
    process = await begin("import", "-", "--dataset", "orders", **as_user(server, alice))
    assert process.stdin is not None
    process.stdin.write(ORDERS.encode() * 500)
    await process.stdin.drain()  # more than a pipe holds: it is read, so the check is over
    await import_text(alice)  # meanwhile somebody else of this name was quicker
    before = await items(alice, "/uploads")
    outcome = await ended(process)
    assert outcome.status == 2, outcome
    assert "already a dataset" in outcome.error
    assert await items(alice, "/uploads") == before


async def test_a_repeated_command_goes_on_with_its_upload(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    source = tmp_path / "large.csv"
    line = b"region,amount\n"
    source.write_bytes(line + b"West,1234567\n" * (20 * MIB // 13))
    user = as_user(server, alice)

    async with Client(user["JINDU_URL"], user["JINDU_TOKEN"]) as client:

        def break_off(sent: int, size: int) -> None:
            if sent > 17 * MIB:  # the first piece has been acknowledged
                sending.cancel()

        sending = asyncio.create_task(client.resume_upload(source, break_off))
        with pytest.raises(asyncio.CancelledError):
            await sending
        (begun,) = await items(alice, "/uploads")
        assert 16 * MIB <= begun["offset"] < begun["size"]
        outcome = await run("import", str(source), "--dataset", "large", "--json", **user)
        assert outcome.status == 0, outcome
        (whole,) = await items(alice, "/uploads")
        assert (whole["id"], whole["offset"]) == (begun["id"], begun["size"])

        facts = source.stat()
        source.write_bytes(source.read_bytes().replace(b"West", b"East"))
        os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        other = await client.resume_upload(source)
        assert other["id"] != whole["id"]  # the same name, size and time, but not the same file
        assert other["sha256"] != whole["sha256"]
        await client.delete_upload(other["id"])
        again = await client.resume_upload(source)
        assert again["sha256"] == other["sha256"]
        assert again["id"] not in (whole["id"], other["id"])


async def test_a_pipe_a_profile_and_flags_say_what_is_imported_and_how(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    user = as_user(server, alice)
    text = "Gebiet;Betrag;Rest\nNord;1,5;x\nSüd;2,5;y\nWest;oops;z\n".encode("cp1252")
    profiles = tmp_path / "jindu" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "gebiete.toml").write_text(
        """
        dataset = "areas"
        mode = "append"
        [options]
        encoding = "windows-1252"
        delimiter = ","
        """,
        "utf-8",
    )
    outcome = await run(
        "import",
        "-",
        *("--profile", "gebiete", "--name", "gebiete.csv", "--mode", "replace", "--delimiter", ";"),
        *("--column", "area=Gebiet:text", "--column", "amount=Betrag:decimal:1.234,5"),
        *("--fail-on-rejects", "--json", "--save-rejects", str(tmp_path / "left.csv")),
        given=text,
        XDG_CONFIG_HOME=str(tmp_path),
        **user,
    )
    assert outcome.status == 3, outcome
    told = json.loads(outcome.out)
    assert (told["dataset"], told["row_count"], told["rejected_count"]) == ("areas", 2, 1)
    assert told["title"] == "gebiete.csv → areas"
    saved = (tmp_path / "left.csv").read_text("cp1252").splitlines()
    assert saved[0] == "area;amount;Rest;jindu_reject_row;jindu_reject_reason"
    assert saved[1] == (
        f"West;oops;z;{told['job_id']}:4;amount: “oops” is not a number. Empty this cell once the row is right."
    )
    rows = await items(alice, "/datasets/areas/rows")
    assert [(row["area"], float(row["amount"])) for row in rows] == [("Nord", 1.5), ("Süd", 2.5)]

    command = ("import", "-", "--profile", "gebiete", "--delimiter", ";", "--column", "Betrag:decimal:1.234,5")
    command = (*command, "--mode", "replace", "--reject-limit", "0", "--save-rejects", str(tmp_path / "none.csv"))
    outcome = await run(*command, given=text, XDG_CONFIG_HOME=str(tmp_path), **user)
    assert outcome.status == 1, outcome
    assert "none.csv is not written: nothing was imported" in outcome.error
    assert "/rejects.csv" in outcome.error

    profile = tmp_path / "other.json"
    profile.write_text('{"dataset": "areas", "modus": "append"}', "utf-8")
    outcome = await run("import", "-", "--profile", str(profile), given=text, **user)
    assert outcome.status == 2
    assert "modus" in outcome.error


async def test_a_dry_run_says_what_would_come_and_the_same_command_without_it_imports(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,amount,note\n1,10,a\n2\n3,20,b\nTotal,30,\n", "utf-8")
    command = (
        *("import", str(path), "--dataset", "orders", "--pad-short-rows", "--leave-out-totals"),
        *("--column", "id:integer", "--column", "amount:integer", "--column", "note:text", "--reject-limit", "10%"),
    )
    told = await run(*command, "--dry-run", **as_user(server, alice))
    assert told.status == 0, told
    assert "orders would be version 1, 3 rows; nothing was changed" in told.out
    assert "1 line is no row: total_row" in told.out
    assert await items(alice, "/datasets") == []
    done = await run(*command, "--json", **as_user(server, alice))
    assert done.status == 0, done
    assert (json.loads(done.out)["row_count"], len(await items(alice, "/uploads"))) == (3, 1)


async def test_a_check_does_nothing_and_is_for_those_who_may_write(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    order = {"dataset": "orders", "mode": "create"}
    async with alice.post("/api/v1/imports/check", json=order) as response:
        assert (response.status, (await response.json())["code"]) == (409, "dataset_exists")
    async with bob.post("/api/v1/imports/check", json=order) as response:
        assert response.status == 204  # what alice has is nothing to bob
    assert await items(bob, "/jobs") == []
