"""The help by who asks: what is about running a server is for administrators, words find what one may open."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from server.auth.permissions import ANONYMOUS, Principal, Role
from server.errors import Forbidden, NotFound
from server.help.library import HelpLibrary
from server.help.pictures import picture_files
from server.jobs.shared_workers import SharedWorkers
from server.jobs.turns import Turns
from server.jobs.workers import WorkerPool
from server.languages import Languages
from server.operations.help import HelpOperations
from server.places import DOCS, LOCALES

ADMIN = Principal(user_id="a", user_name="admin", role=Role.ADMIN, language="en")
EDITOR = dataclasses.replace(ADMIN, role=Role.EDITOR)


@pytest.fixture
async def help_() -> AsyncIterator[HelpOperations]:
    turns = Turns(places=1, per_user=1, waiting_per_user=10, patience_seconds=60)
    workers = SharedWorkers(WorkerPool(size=1, memory_mib=600), turns)
    library = HelpLibrary(directory=DOCS, root="", workers=workers)
    yield HelpOperations(library=library, languages=Languages.load(LOCALES), pictures=picture_files(DOCS))
    await workers.close()


async def test_who_may_open_what(help_: HelpOperations) -> None:
    assert {chapter.part for chapter in help_.chapters(ANONYMOUS)} == {"guide", "reference"}
    assert {chapter.part for chapter in help_.chapters(ADMIN)} == {"guide", "reference", "operating"}
    shown = await help_.chapter(EDITOR, "analysts", language="zh-CN")
    assert (shown.language, shown.document.title) == ("zh-CN", "分析人员")
    assert (await help_.chapter(ANONYMOUS, "imports", language="zh-CN")).language == "en"
    assert (await help_.chapter(ADMIN, "operations", language="en")).document.sections
    with pytest.raises(Forbidden):
        await help_.chapter(EDITOR, "operations", language="en")
    with pytest.raises(NotFound):
        await help_.chapter(ADMIN, "../setup", language="en")
    assert help_.is_for_admins("operations")
    assert not help_.is_for_admins("nothing")
    assert help_.like(ANONYMOUS, "analyst").name == "analysts"
    assert help_.like(ANONYMOUS, "operation") is None
    assert help_.like(ADMIN, "operation").name == "operations"
    assert help_.picture("admin.en.webp").is_file()
    with pytest.raises(NotFound):
        help_.picture("../user-guide.md")


async def test_words_find_what_one_may_open_in_ones_own_language(help_: HelpOperations) -> None:
    guide = await help_.guide("zh-CN")
    assert list(guide) == ["analysts", "administrators", "script-authors"]
    title, url, extract = (await help_.find("zh-CN", "异常行", EDITOR))[0]
    assert (title, url) == ("更正异常行 · 分析人员", "/help/zh-CN/analysts#rejected-rows")
    assert "异常行" in extract
    # The reference is in English, and leads on in the reader's language.
    assert any(each.url.startswith("/help/zh-CN/imports") for each in await help_.find("zh-CN", "delimiter", EDITOR))
    # Somebody who reads English, and asks in Chinese.
    assert any(each.url.startswith("/help/zh-CN/") for each in await help_.find("en", "异常行", ANONYMOUS))
    # A language that the guide is not in.
    assert (await help_.find("de", "delimiter", ANONYMOUS))[0].url.startswith("/help/en/")
    for who, sees in ((ADMIN, True), (EDITOR, False), (ANONYMOUS, False)):
        assert any("/operations" in each.url for each in await help_.find("en", "heartbeat_url", who)) is sees
    assert len(await help_.find("en", "the", ADMIN, limit=3)) == 3
    assert await help_.find("en", " ", ADMIN) == []
