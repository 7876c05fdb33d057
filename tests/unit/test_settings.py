"""Settings come from four places, the nearer wins, and what is wrong is named together with its source."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from server.errors import ConfigurationError
from server.settings import Settings, described, environment_name, load


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "jindu.toml").write_text('host = "file"\nport = 1\nlog_level = "debug"\n')
    environ = {"JINDU_HOST": "environment", "JINDU_PORT": "2"}
    settings = load({"port": "3", "host": None}, environ=environ, directory=tmp_path)
    assert (settings.port, settings.host, settings.log_level, settings.workers) == (3, "environment", "debug", 0)


def test_a_file_named_in_the_environment_gives_its_content(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct-horse\n")
    settings = load(environ={"JINDU_ADMIN_PASSWORD_FILE": str(tmp_path / "password")}, directory=tmp_path)
    assert settings.admin_password == "correct-horse"


def test_a_list_that_names_nothing_is_refused(tmp_path: Path) -> None:
    """It was meant to name something: of workers it would mean all kinds."""
    with pytest.raises(ConfigurationError, match="worker_kinds"):
        load(environ={"JINDU_WORKER_KINDS": " , "}, directory=tmp_path)
    assert load(environ={"JINDU_WORKER_KINDS": ""}, directory=tmp_path).worker_kinds == ()


def test_origins_are_a_comma_separated_list(tmp_path: Path) -> None:
    settings = load(environ={"JINDU_ALLOWED_ORIGINS": "https://a.example, https://b.example"}, directory=tmp_path)
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"JINDU_PROT": "8000"}, ["prot", "environment"]),
        ({"JINDU_PORT": "eight"}, ["port", "environment"]),
        ({"JINDU_PORT": "-1"}, ["port", "negative"]),
        ({"JINDU_WORKER_NICENESS": "20"}, ["worker_niceness", "19"]),
        ({"JINDU_SECRET_KEY": "changeme"}, ["JINDU_SECRET_KEY", "placeholder"]),
        ({"JINDU_WEBHOOK_HOSTS": "https://a.example/"}, ["webhook_hosts", "https://a.example/"]),
        ({"JINDU_WEBHOOK_HOSTS": "10.0.0.1/8"}, ["webhook_hosts", "10.0.0.1/8"]),
        ({"JINDU_DELIVERY_S3_URL": "https://s3.example.com"}, ["delivery_s3_url", "s3://"]),
        ({"JINDU_ADMIN_PASSWORD_FILE": "/nowhere"}, ["JINDU_ADMIN_PASSWORD_FILE", "/nowhere"]),
        ({"JINDU_PORT": "8001", "JINDU_PORT_FILE": __file__}, ["JINDU_PORT", "JINDU_PORT_FILE", "unset one"]),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], names: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(environ=environ, directory=tmp_path)
    assert all(name in raised.value.text for name in names)


def test_hosts_that_messages_may_go_to_are_names_addresses_and_networks(tmp_path: Path) -> None:
    given = "*,hooks.example.com,*.corp.example,jenkins.lan:8080,10.0.0.0/8,127.0.0.1:9000,[::1]:9000,fd00::/8"
    assert load(environ={"JINDU_WEBHOOK_HOSTS": given}, directory=tmp_path).webhook_hosts == tuple(given.split(","))


def test_an_empty_name_of_a_file_names_none(tmp_path: Path) -> None:
    given = {"JINDU_ADMIN_PASSWORD": "correct-horse", "JINDU_ADMIN_PASSWORD_FILE": ""}
    assert load(environ=given, directory=tmp_path).admin_password == "correct-horse"


@pytest.mark.parametrize("content", ["", " \n\t\n"], ids=["empty", "blanks"])
def test_an_empty_file_is_no_value(tmp_path: Path, content: str) -> None:
    """A server that was given one for its database would begin a new and empty one beside it."""
    (tmp_path / "url").write_text(content)
    with pytest.raises(ConfigurationError, match=r"JINDU_DATABASE_URL_FILE names .*/url, which is empty"):
        load(environ={"JINDU_DATABASE_URL_FILE": str(tmp_path / "url")}, directory=tmp_path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "jindu.toml").write_text("port = \n")
    with pytest.raises(ConfigurationError, match=r"jindu\.toml is not valid TOML"):
        load(environ={}, directory=tmp_path)


def test_every_setting_is_documented() -> None:
    documentation = (Path(__file__).parent.parent.parent / "docs" / "settings.md").read_text("utf-8")
    for setting in described():
        assert f"`{environment_name(setting.name)}`" in documentation
        assert setting.metadata["help"] in documentation


def test_the_doors_of_the_readme_are_turned_on_by_settings_and_packages_there_are() -> None:
    root = Path(__file__).parent.parent.parent
    doors = (root / "README.md").read_text("utf-8").split("| door | turned on by | of the package |")[1]
    table = doors.split("\n\n")[0]
    names = {environment_name(setting.name) for setting in described()}
    assert set(re.findall(r"`(JINDU_\w+)`", table)) <= names
    extras = configparser.ConfigParser()
    extras.read(root / "setup.cfg", "utf-8")
    assert set(re.findall(r"jindu-server\[(\w+)\]", table)) <= set(extras["options.extras_require"])
    for address in re.findall(r"\((docs/[\w.-]+)", table):
        assert (root / address).is_file()
    assert table.count("\n|") == 7


def test_settings_cannot_be_changed_while_the_server_runs() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"openid_issuer": "http://sso.example.com"}, "https://"),
        ({"openid_issuer": "https://sso.example.com?x=1"}, "https://"),
        ({"openid_client_id": ""}, "openid_client_id"),
        ({"openid_scopes": "profile"}, "must hold openid"),
        ({"openid_new_accounts": "root"}, "root"),
        ({"openid_roles": "staff=king"}, "king"),
        ({"openid_roles": "staff"}, "'staff'"),
        ({"openid_roles": "=admin"}, "group=role"),
        ({"openid_roles": "staff="}, "group=role"),
    ],
)
def test_a_provider_to_sign_in_with_is_told_whole(wrong: dict[str, str], said: str, tmp_path: Path) -> None:
    right = {"openid_issuer": "https://sso.example.com/", "openid_client_id": "jindu", "openid_roles": "a=b=admin"}
    assert load(right, environ={}, directory=tmp_path).openid_roles == ("a=b=admin",)
    with pytest.raises(ConfigurationError, match=said):
        load(right | wrong, environ={}, directory=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bounces_imap_url": ""},
        {"bounces_to": ""},
        {"bounces_to": "bounces"},
        {"bounces_to": "b" * 39 + "@example.com"},
        {"bounces_imap_url": "imap://x@mail.example.com/INBOX"},  # in the open
        {"bounces_imap_url": "imaps://mail.example.com/INBOX"},
        {"bounces_imap_url": "imaps://x:hush@mail.example.com/INBOX"},
        {"bounces_imap_url": "imaps://x@mail.example.com:nine/INBOX"},
    ],
)
def test_a_mailbox_of_mails_that_come_back_is_told_whole_and_in_private(wrong: dict[str, str], tmp_path: Path) -> None:
    right = {"bounces_to": "bounces@example.com", "bounces_imap_url": "imaps://b%40example.com@mail.example.com/INBOX"}
    assert load(right, environ={}, directory=tmp_path).bounces_to == "bounces@example.com"
    with pytest.raises(ConfigurationError, match="bounces_") as raised:
        load(right | wrong, environ={}, directory=tmp_path)
    assert "hush" not in raised.value.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stun_urls": "https://stun.example.com"}, "stun:stun"),
        ({"turn_urls": "turn.example.com:3478"}, "turn:turn"),
        ({"turn_secret": ""}, "turn_secret"),
        ({"turn_secret": "changeme"}, "placeholder"),
    ],
)
def test_ways_between_browsers_are_told_whole(wrong: dict[str, str], said: str, tmp_path: Path) -> None:
    right = {"stun_urls": "stun:a.example.com", "turn_urls": "turns:b.example.com", "turn_secret": "of the two"}
    assert load(right, environ={}, directory=tmp_path).turn_urls == ("turns:b.example.com",)
    with pytest.raises(ConfigurationError, match=said):
        load(right | wrong, environ={}, directory=tmp_path)
