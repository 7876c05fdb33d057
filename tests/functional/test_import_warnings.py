"""What is worth a look in an import is said at each door: before, on its page, in its notice, on the command line."""

from __future__ import annotations

import html
from pathlib import Path

import aiohttp

from tests.conftest import Server
from tests.functional.command_line import as_user, run
from tests.functional.importing import ended, import_text, start, upload

PERCENT, PLAIN = "p,v\na,12%\nb,5%\n", "p,v\nc,12\nd,5\n"
SAID = "“v” has percentages in the dataset, where 12% is 0.12, and plain numbers in this file, where 12 stays 12."


async def test_rows_that_are_written_otherwise_than_their_dataset_are_told_before_and_after(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice, PERCENT, dataset="shares")
    upload_id = await upload(alice, PLAIN)
    address = f"/api/v1/uploads/{upload_id}/preview?dataset=shares"
    async with alice.get(address) as response:
        difference = (await response.json())["difference"]
    assert difference["notations"] == [{"name": "v", "dataset": ["%"], "file": [""]}]
    checked = await ended(alice, await start(alice, upload_id, dataset="shares", mode="append", dry_run=True))
    assert [each["code"] for each in checked["warnings"]] == ["mixed_percent"]
    assert checked["result"]["difference"]["notations"] == difference["notations"]

    state = await ended(alice, await start(alice, upload_id, dataset="shares", mode="append"))
    (warning,) = state["warnings"]
    assert warning["message"].startswith(SAID)
    page = f"/imports/{state['job_id']}"
    async with alice.get(page) as response:
        assert SAID in html.unescape(await response.text())
    async with alice.get("/notifications") as response:
        notices = html.unescape(await response.text())
    assert "Rows imported: 2. To look at: 1." in notices
    assert f'href="{page}"' in notices
    for foreign in (page, f"/api/v1{page}", address):
        async with bob.get(foreign) as response:
            assert response.status == 404, foreign


async def test_other_currencies_and_offsets_are_added_only_on_demand(alice: aiohttp.ClientSession) -> None:
    for name, before, added, kind, code in (
        ("money", "p,v\na,$12\n", "p,v\nb,€12\n", "decimal", "mixed_currencies"),
        ("times", "p,v\na,2026-01-05 10:00\n", "p,v\nb,2026-01-05T10:00:00+01:00\n", "datetime", "mixed_offsets"),
    ):
        options = {"columns": [{"name": "p"}, {"name": "v", "type": kind}]}
        await import_text(alice, before, dataset=name, options=options)
        upload_id = await upload(alice, added)
        refused = await ended(alice, await start(alice, upload_id, dataset=name, mode="append"))
        assert refused["error"]["code"] == "columns_do_not_fit"
        assert f"Give the column its type “{kind}”" in refused["error"]["message"]
        wanted = await ended(alice, await start(alice, upload_id, dataset=name, mode="append", options=options))
        assert [each["code"] for each in wanted["warnings"]] == [code]


async def test_the_command_line_tells_warnings_beside_its_result(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("shop,rev,pct\na,10,5%\nb,20,7\nTotal,30,12\n", "utf-8")
    done = await run("import", str(path), "--dataset", "sales", **as_user(server, alice))
    assert (done.status, done.out.splitlines()[-1]) == (0, "sales: version 1, 3 rows")
    assert done.error.count("jindu: warning: ") == 2
    assert "“pct” has percentages and plain numbers" in done.error
