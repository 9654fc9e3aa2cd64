"""Settings of the box: where they come from, which counts, and what is said of wrong ones; never a password."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from edge_agent.__main__ import main
from edge_agent.errors import AgentError
from edge_agent.logs import JsonFormatter, TextFormatter
from edge_agent.networks import run_towards_cloud
from edge_agent.onvif.discovery import interfaces
from edge_agent.settings import OLD_CAMERA_INTERFACES, keep_network, old_names, read_settings

SECRET = "hunter2"
PROXY = f"http://box:{SECRET}@proxy.test:3128"


def config(folder: Path, text: str) -> dict[str, str]:
    path = folder / "agent.toml"
    path.write_text(text)
    return {"VSAAS_AGENT_CONFIG": str(path)}


def test_the_first_that_names_a_setting_counts(tmp_path: Path) -> None:
    keep_network(tmp_path, {"proxy": "http://kept.test:1", "cloud_interface": "kept0"})
    environment = config(
        tmp_path, 'proxy = "http://file.test:2"\nlog_format = "json"\ncamera_interface = "file0"'
    )
    environment["VSAAS_AGENT_CAMERA_INTERFACE"] = "env0"
    read = read_settings(tmp_path, {"log_level": "debug", "proxy": None, "portal": "elsewhere"}, environment)
    assert read.network.proxy == "http://file.test:2"
    assert (read.network.cloud_interface, read.network.camera_interface) == ("kept0", "env0")
    assert (read.log_level, read.log_format, read.metrics_socket) == ("debug", "json", None)
    assert read_settings(tmp_path, {"proxy": "none"}, environment).network.proxy == "none"
    assert read_settings(tmp_path, {"proxy": ""}, environment).network.proxy == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'prxy = "{PROXY}"', "names 'prxy', which is no setting"),
        ("proxy = 5", "'proxy' in .* is a text"),
        (f'proxy = "{PROXY}', "are not TOML"),
        (f'proxy = "socks5://box:{SECRET}@proxy.test"', "write it like http://"),
        (f'proxy = "http://{SECRET}@proxy.test"', "a user without a password"),
        (f'proxy = "http://box:{SECRET}@proxy.test:99999"', "write it like http://"),
        ('camera_interface = "an interface of many words"', "is no name of an interface"),
        ('log_format = "xml"', "one of text, json"),
    ],
)
def test_a_wrong_setting_is_named_and_its_password_is_not(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(AgentError, match=says) as raised:
        read_settings(tmp_path, {}, config(tmp_path, text))
    assert SECRET not in str(raised.value)
    assert raised.value.exit_code == 2


def test_the_name_that_the_search_had_to_itself_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = read_settings(tmp_path, {}, {})
    bound = read_settings(tmp_path, {"camera_interface": "lo"}, {})
    assert old_names(plain, {}) == []
    assert "Set camera_interface" in old_names(plain, {OLD_CAMERA_INTERFACES: "eth1"})[0]
    assert "not read while camera_interface is 'lo'" in old_names(bound, {OLD_CAMERA_INTERFACES: "eth1"})[0]

    async def searched() -> list[str]:
        return interfaces()

    monkeypatch.setenv(OLD_CAMERA_INTERFACES, "eth1, eth2")
    assert run_towards_cloud(searched(), plain.network) == ["eth1", "eth2"]
    assert run_towards_cloud(searched(), bound.network) == ["lo"]
    monkeypatch.delenv(OLD_CAMERA_INTERFACES)
    assert "lo" not in run_towards_cloud(searched(), plain.network)


def test_a_file_of_settings_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VSAAS_AGENT_CONFIG", str(tmp_path / "absent.toml"))
    assert main(["status", "--state", str(tmp_path)]) == 2
    assert "cannot read the settings in" in capsys.readouterr().err


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_no_form_of_the_log_shows_credentials(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(f"rtsp://admin:{SECRET}@10.0.0.5/1 Proxy-Authorization: Basic {SECRET}")
    except ValueError:
        error = sys.exc_info()
    said = ("%s and %s", (PROXY, f"https://store.test/a?X-Amz-Signature={SECRET}"), error)
    line = formatter.format(logging.LogRecord("a", logging.INFO, "a.py", 1, *said))
    assert SECRET not in line
    assert "http://proxy.test:3128 and https://store.test/a?…" in line
