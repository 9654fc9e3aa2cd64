import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsaas.onebox import lock
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout, Ports, check_free, remember_port, wanted_port
from vsaas.onebox.passwords import Passwords, write_private
from vsaas.onebox.places import private_dir, short_run_dir
from vsaas.onebox.processes import Identity, Program


@pytest.fixture
def layout(folder: Path) -> Iterator[Layout]:
    made = Layout(folder)
    made.make()
    yield made
    run = made.run
    if run.exists():
        run.rmdir()


def test_what_is_secret_is_closed_to_others(layout: Layout) -> None:
    for path in (layout.secrets, layout.logs):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.var.stat().st_mode) & 0o066 == 0


def test_passwords_are_made_once_and_kept_in_a_closed_file(layout: Layout) -> None:
    first = Passwords(layout.passwords_file).get("s3")
    assert Passwords(layout.passwords_file).get("s3") == first
    assert Passwords(layout.passwords_file).get("other") != first
    assert len(first) == 43
    assert stat.S_IMODE(layout.passwords_file.stat().st_mode) == 0o600


def test_a_broken_password_file_is_named_and_not_replaced(layout: Layout) -> None:
    layout.passwords_file.write_text("half a fi")
    with pytest.raises(OneboxError, match=r"cannot read the passwords in .*passwords\.json"):
        Passwords(layout.passwords_file).get("s3")
    assert layout.passwords_file.read_text() == "half a fi"


def test_a_private_file_is_closed_from_its_first_byte_on(layout: Layout) -> None:
    before = os.umask(0)
    try:
        write_private(layout.up_json, {"tenant": "demo"})
    finally:
        os.umask(before)
    assert stat.S_IMODE(layout.up_json.stat().st_mode) == 0o600
    assert json.loads(layout.up_json.read_text()) == {"tenant": "demo"}


def test_ports_stand_in_a_row(layout: Layout) -> None:
    assert Ports(8400).named() == {
        "portal": 8400,
        "live hub": 8401,
        "object store": 8402,
        "demo camera": 8403,
    }


def test_the_port_used_before_is_used_again(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    assert wanted_port(layout) == 8400
    remember_port(layout, Ports(9500))
    assert wanted_port(layout) == 9500
    monkeypatch.setenv("PORT", "9600")
    assert wanted_port(layout) == 9600


@pytest.mark.parametrize("text", ["eighty", "80", "70000", "65533", "-1"])
def test_a_port_that_cannot_be_used_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(OneboxError, match=f"PORT={text} is not a usable port"):
        wanted_port(layout)


def test_a_busy_port_is_named_with_what_to_do(layout: Layout) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OneboxError, match=rf"port {port} on 127\.0\.0\.1 \(portal\) .*make up PORT="):
            check_free({"portal": port})


def test_only_one_make_up_runs_in_a_checkout(layout: Layout) -> None:
    with lock.only_one(layout):
        assert lock.holder(layout) == Identity.of(os.getpid())
        with (
            pytest.raises(OneboxError, match=r"`make up` already runs in .*make down"),
            lock.only_one(layout),
        ):
            pass
    assert lock.holder(layout) is None


def test_what_a_killed_run_left_behind_is_stopped_and_nothing_else(layout: Layout) -> None:
    ours = Program("ours", ["/bin/sleep", "600"], env={}, log=layout.log("ours"))
    stranger = Program("stranger", ["/bin/sleep", "600"], env={}, log=layout.log("stranger"))
    try:
        ours.start()
        stranger.start()
        known = Identity.of(ours.pid)
        assert known is not None
        lock.record(layout, {"portal": known, "hub": Identity(stranger.pid, "an earlier process: 1")})
        assert lock.stop_recorded(layout) == ["portal"]
        assert not ours.running()
        assert stranger.running()
        assert lock.stop_recorded(layout) == []
    finally:
        ours.stop()
        stranger.stop()


def test_a_run_folder_that_is_a_link_is_refused(folder: Path) -> None:
    link = folder / "run"
    link.symlink_to("/etc")
    with pytest.raises(OneboxError, match=r"cannot use .*/run: it is not a folder of this user"):
        private_dir(link)


def test_the_run_folder_is_short_and_the_same_each_time(folder: Path) -> None:
    deep = folder / ("x" * 200)
    found = short_run_dir(deep)
    assert short_run_dir(deep) == found
    assert len(str(found)) < 60
    assert found.stat().st_mode & 0o066 == 0
    found.rmdir()
