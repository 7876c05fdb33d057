"""How Chinese sounds: which words are kept of it, and what somebody has to type to mean them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from server.storage.findable import MOST_WORDS, sounded
from server.storage.han_sounds import asked_sounds, sounds_like, sounds_of


def test_each_pair_is_kept_as_it_sounds_and_by_its_first_letters() -> None:
    assert sounds_of([*"月报", "2026", "书"]) == ["yuebao", "yb", "rubao", "rb", "bao", "shu"]
    assert sounds_of(["sales", "2026", "の", "🎉"]) == []


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("月度销售报表", "yuedu"), ("月度销售报表", "xiaoshou"), ("月度销售报表", "xiaoshoubaobiao"),
        ("月度销售报表", "xiaos"), ("月度销售报表", "xsbb"), ("月度销售报表", "bb"), ("月度销售报表", "biao"),
        ("重启服务", "chongqi"), ("重启服务", "cqfw"), ("长沙银行", "changshayinhang"), ("长沙银行", "csyh"),
        ("西安", "xian"), ("方案", "fangan"), ("女装", "nvzhuang"), ("双十一", "shuangshiyi"), ("爱", "ai"),
    ],
)  # fmt: skip
def test_what_people_type_sounds_like_it(name: str, typed: str) -> None:
    assert sounds_like([*name], typed)


@pytest.mark.parametrize("typed", ["shouxiao", "iaoshou", "xsb2", "x", "", "xsyb", "销售", "sales", "v" * 61])
def test_what_sounds_otherwise_does_not(typed: str) -> None:
    assert not sounds_like([*"销售报表"], typed)


def test_a_long_text_is_split_in_a_few_ways_alone() -> None:
    assert len(asked_sounds("xianxianxianxianxianxianxianxianxianxianxianxian")) <= 5


def test_sounds_stand_behind_the_words_once_and_leave_room() -> None:
    once = sounded("~kreport ^ 销 售 $")
    assert once == "~kreport ^ 销 售 $ ~~xiaoshou ~~xs ~~xiaoshu ~~shou ~~shu"
    assert sounded(once) == once
    many = sounded(" ".join([*"销售", *(["word"] * MOST_WORDS)])).split(" ")
    assert len(many) == MOST_WORDS
    assert "~~xiaoshou" in many


def test_the_dictionary_is_not_read_until_there_is_chinese() -> None:
    said = (
        "from server.storage import han_sounds as module; module.sounds_of({}); "
        "print(module._dictionary.cache_info().currsize)"
    )
    found = [
        subprocess.run([sys.executable, "-c", said.format(each)], check=True, capture_output=True, text=True).stdout
        for each in ("['sales', 'Ω']", "['销']")
    ]
    assert found == ["0\n", "1\n"]


def test_each_character_is_said_as_the_library_says_it() -> None:
    """Its file is read as text, which another version may write otherwise."""
    said = [
        "import os; os.environ['PYPINYIN_NO_PHRASES'] = '1'",
        "from pypinyin import Style, pinyin",
        "from server.storage.han_sounds import sounds_of",
        "common = [chr(code) for code in range(0x4e00, 0x9fa5, 7)]",
        "of_library = {each: pinyin(each, style=Style.NORMAL, heteronym=True)[0] for each in common}",
        "print([each for each, said in of_library.items()",
        "  if sounds_of([each]) != [one for one in said if one.isascii() and one.isalpha()][:3]])",
    ]
    program = "\n".join(said)
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
