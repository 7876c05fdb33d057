"""The first administrator comes by a code that works once, or from the settings."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.auth.permissions import Role
from server.errors import ConfigurationError, Forbidden, InvalidInput, JinduError
from server.settings import Settings
from tests.unit.operations.conftest import House, opened, refused

WANTED = {"password": "correct-horse-chief", "language": None, "time_zone": "UTC"}


@pytest.fixture
def without_admin(settings: Settings) -> Settings:
    return replace(settings, admin_user="", admin_password="")


async def test_the_code_of_the_console_makes_one_administrator(without_admin: Settings) -> None:
    async with opened(without_admin) as parts:
        first_run = parts.operations.first_run
        code = first_run.code
        assert code
        assert await first_run.is_pending()
        with refused(Forbidden, "setup_code_wrong"):
            await first_run.create_admin("guessed", name="mallory", **WANTED)  # type: ignore[arg-type]
        with refused(InvalidInput, fields=("username",)):  # and the code is not used up by a wrong field
            await first_run.create_admin(code, name="", **WANTED)  # type: ignore[arg-type]
        user = await first_run.create_admin(code, name="chief", **WANTED)  # type: ignore[arg-type]
        assert user.role is Role.ADMIN
        assert first_run.code is None
        assert not await first_run.is_pending()
        with refused(Forbidden, "setup_code_wrong"):
            await first_run.create_admin(code, name="mallory", **WANTED)  # type: ignore[arg-type]


async def test_of_two_who_use_the_code_at_once_one_is_let_in(without_admin: Settings) -> None:
    async with opened(without_admin) as parts:
        first_run = parts.operations.first_run
        names = ("chief", "mallory", "eve")
        tries = [first_run.create_admin(first_run.code or "", name=name, **WANTED) for name in names]  # type: ignore[arg-type]
        ended = await asyncio.gather(*tries, return_exceptions=True)
        assert len([one for one in ended if not isinstance(one, BaseException)]) == 1
        refusals = [one.specific_code for one in ended if isinstance(one, JinduError)]
        assert refusals == ["setup_code_wrong"] * 2


async def test_each_start_prints_another_code_and_the_last_counts(without_admin: Settings) -> None:
    async with opened(without_admin) as parts:
        old = parts.operations.first_run.code
    async with opened(without_admin) as parts:
        first_run = parts.operations.first_run
        assert first_run.code
        assert first_run.code != old
        assert not await first_run.is_code(old or "")
        assert await first_run.is_code(first_run.code)


async def test_a_code_of_an_earlier_start_is_worth_nothing_once_there_is_an_administrator(
    without_admin: Settings, settings: Settings
) -> None:
    async with opened(without_admin) as parts:
        old = parts.operations.first_run.code
    async with opened(settings) as parts:
        await parts.operations.first_run.prepare(admin_user="", admin_password="")  # as the next start would
        assert not await parts.operations.first_run.is_code(old or "")
        assert parts.operations.first_run.code is None


async def test_the_settings_make_an_administrator_once_and_change_none(settings: Settings, house: House) -> None:
    first_run = house.todo.first_run
    assert [name for _, name, _ in await house.audited("user.create")][:1] == ["admin"]
    await first_run.prepare(admin_user="other", admin_password="correct-horse-other")
    users, _, _ = await house.todo.admin.users(house.admin)
    assert [user.name for user in users] == ["admin", "alice", "bob"]


async def test_settings_that_make_none_stop_the_start_and_say_why(without_admin: Settings) -> None:
    async with opened(without_admin) as parts:
        with pytest.raises(ConfigurationError, match="password: Use at least 10 characters"):
            await parts.operations.first_run.prepare(admin_user="chief", admin_password="short")
