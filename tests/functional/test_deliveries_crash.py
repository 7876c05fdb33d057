"""Two hundred people each get theirs alone, once, though the server is killed twice while it sends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from server.clock import utc_now
from server.storage.tables import deliveries
from tests.conftest import signed_in
from tests.functional.batches import put_template
from tests.functional.test_schedules import answer
from tests.mail_server import MailServer
from tests.process import ServerProcess
from tests.waiting import until

PEOPLE = 200
EACH = """\
title: "Of {{ number }}"
formats: [html]
parameters:
  number: {type: integer}
each_row: "select i as number, 'person' || i || '@example.com' as mail from range(1, %d) t(i)"
blocks:
  - text: "Only for {{ number }}"
""" % (PEOPLE + 1)  # noqa: UP031 – braces are the template's


@pytest.mark.timeout(240)
async def test_each_once_though_the_server_is_killed_twice(tmp_path: Path) -> None:
    mails = MailServer()
    mails.delay_seconds = 0.02
    async with mails.listening() as port:
        environ = {
            "JINDU_WORKERS": "1",
            "JINDU_SMTP_HOST": "127.0.0.1",
            "JINDU_SMTP_PORT": str(port),
            "JINDU_SMTP_SECURITY": "none",
            "JINDU_MAIL_FROM": "Jindu <jindu@example.com>",
        }
        process = ServerProcess(tmp_path / "data", environ=environ)
        await asyncio.to_thread(process.start)
        try:
            await _sent_with_two_crashes(process, mails)
        finally:
            await asyncio.to_thread(process.kill)


async def _sent_with_two_crashes(process: ServerProcess, mails: MailServer) -> None:
    async with await signed_in(process, "admin") as admin:
        await put_template(admin, "each", EACH)
        order = {"template": "each", "deliveries": [{"via": "mail", "to_column": "mail"}]}
        batch_id = (await answer(admin, "POST", "/api/v1/batches", 202, json=order))["batch_id"]
        for taken in (40, 120):
            await until(lambda many=taken: len(mails.taken) >= many, seconds=100)  # type: ignore[misc]
            await asyncio.to_thread(process.kill)
            await let_go(process)
            await asyncio.to_thread(process.start)
        place = f"/api/v1/batches/{batch_id}/deliveries?limit=500"

        async def over() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = (await answer(admin, "GET", place))["items"]
            return [] if any(each["state"] in ("waiting", "sending") for each in items) else items

        items = await until(over, seconds=100, step=0.3)
        assert len(items) == PEOPLE
        addresses = [mail["To"] for mail in mails.taken]
        assert len(addresses) == len(set(addresses))  # nobody has it twice
        perhaps = [each for each in items if each["state"] == "perhaps_sent"]
        assert len(perhaps) <= 6  # those that were on their way
        assert {each["state"] for each in items} <= {"sent", "perhaps_sent"}
        for each in perhaps:  # a person looks, and sends again what did not come
            if each["to"] not in addresses:
                await answer(admin, "POST", f"/api/v1/deliveries/{each['id']}/retry", 202)
        await until(lambda: len(mails.taken) == PEOPLE, seconds=60)
    for mail, envelope in zip(mails.taken, mails.envelopes, strict=True):
        number = envelope[0].removeprefix("person").removesuffix("@example.com")
        assert (mail["To"], mail["Subject"].partition(" · ")[0]) == (envelope[0], f"Of {number}")
        (file,) = mail.iter_attachments()
        assert f"Only for {number}<" in file.get_content()


async def let_go(process: ServerProcess) -> None:
    """As if the time had passed for which the dead had them in hand."""
    database = process.database()
    try:
        async with database.write() as connection:
            held = sa.update(deliveries).where(deliveries.c.held_until.is_not(None))
            await connection.execute(held.values(held_until=utc_now() - timedelta(seconds=1)))
    finally:
        await database.close()
