"""The cookie's key: made once, private, and never a placeholder."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from server.auth.secret_key import load_key
from server.errors import ConfigurationError


def test_a_key_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    token = load_key("", tmp_path).encrypt(b"x")
    assert load_key("", tmp_path).decrypt(token) == b"x"
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_two_servers_that_start_at_once_use_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: load_key("", tmp_path), range(8)))
    token = keys[0].encrypt(b"x")
    assert all(key.decrypt(token) == b"x" for key in keys)


def test_a_key_from_the_settings_is_used(tmp_path: Path) -> None:
    key = Fernet.generate_key()
    assert Fernet(key).decrypt(load_key(key.decode(), tmp_path).encrypt(b"x")) == b"x"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    ["changeme", "short", "A" * 43 + "=", "AAAABBBB" * 5 + "AAA=", "密钥" * 20, "not base 64, but long enough it is"],
)
def test_a_key_that_is_none_stops_the_start(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match="write the key that the others have"):
        load_key(key, tmp_path)


def test_a_damaged_key_file_stops_the_start_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("damaged")
    with pytest.raises(ConfigurationError, match=r"secret\.key"):
        load_key("", tmp_path)
