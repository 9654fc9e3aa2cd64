"""The file a backup is: opened by its passphrase alone, whole or refused, and by other programs that speak age."""

import io
import os
import shutil
import stat
import tarfile
from pathlib import Path

import pyrage
import pytest

from edge_agent.spool_settings import read_spool_settings
from vsaas.onebox.archive import reading, unpack, writing
from vsaas.onebox.backup import add_agent
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout
from vsaas.onebox.passphrase import known_passphrase, new_passphrase
from vsaas.onebox.swap import keep_bucket, put_in_place, settle

PASSPHRASE = "five words chosen by dice"
SECRET = b"a key nobody may see"


def make(target: Path, files: dict[str, bytes]) -> None:
    with writing(target, PASSPHRASE) as contents:
        for name, data in files.items():
            contents.add_bytes(name, data)


def contents_of(source: Path, into: Path, passphrase: str = PASSPHRASE) -> dict[str, bytes]:
    into.mkdir(mode=0o700)
    with reading(source, passphrase) as tar:
        paths = {member.name: unpack(member, tar, into) for member in tar}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One archive for many tests: a passphrase is slow by design."""
    path = tmp_path_factory.mktemp("archive") / "a.tar"
    make(path, {"secrets/kms.key": SECRET, "large": os.urandom(3_000_000)})
    return path


@pytest.fixture
def archive(made: Path, folder: Path) -> Path:
    return Path(shutil.copy(made, folder / "a.tar"))


def test_what_went_in_comes_out_and_nothing_of_it_stands_in_the_file(archive: Path, folder: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert SECRET not in archive.read_bytes()
    assert contents_of(archive, folder / "out")["secrets/kms.key"] == SECRET
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder / "out").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE((folder / "out" / "secrets").stat().st_mode) == 0o700


def test_other_programs_open_it(archive: Path) -> None:
    with tarfile.open(archive) as outer:
        members = {member.name: outer.extractfile(member).read() for member in outer}
    assert list(members) == ["README", "identity.age", "data.tar.age"]
    identity = pyrage.passphrase.decrypt(members["identity.age"], PASSPHRASE).decode().strip()
    data = pyrage.decrypt(members["data.tar.age"], [pyrage.x25519.Identity.from_str(identity)])
    with tarfile.open(fileobj=io.BytesIO(data)) as inner:
        assert inner.extractfile("secrets/kms.key").read() == SECRET


def test_another_passphrase_does_not_open_it(archive: Path, folder: Path) -> None:
    with pytest.raises(OneboxError, match="this passphrase does not open"):
        contents_of(archive, folder / "out", "five words chosen badly")


@pytest.mark.parametrize("place", [0.3, 0.9])
def test_a_bit_that_flipped_is_found(archive: Path, folder: Path, place: float) -> None:
    data = bytearray(archive.read_bytes())
    data[int(len(data) * place)] ^= 1
    archive.write_bytes(data)
    with pytest.raises(OneboxError, match="damaged or was cut short"):
        contents_of(archive, folder / "out")


@pytest.mark.parametrize("left", [0.5, 0.0005])
def test_a_file_that_was_cut_short_is_found(archive: Path, folder: Path, left: float) -> None:
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * left)])
    with pytest.raises(OneboxError, match=r"damaged or was cut short|no backup of this system"):
        contents_of(archive, folder / "out")


def test_whole_chunks_that_are_missing_at_the_end_are_found(archive: Path, folder: Path) -> None:
    """The outer tar is put right again, as somebody would who wants the end to go unnoticed."""
    with tarfile.open(archive) as outer:
        members = {member.name: outer.extractfile(member).read() for member in outer}
    header = members["data.tar.age"].index(b"\n---") + 1
    header = members["data.tar.age"].index(b"\n", header) + 1 + 16
    members["data.tar.age"] = members["data.tar.age"][: header + 10 * (65536 + 16)]
    with tarfile.open(archive, "w") as outer:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            outer.addfile(info, io.BytesIO(data))
    with pytest.raises(OneboxError, match="damaged or was cut short"):
        contents_of(archive, folder / "out")


@pytest.mark.parametrize("name", ["/outside", "a/../../outside"])
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    make(folder / "b.tar", {name: b"x"})
    with pytest.raises(OneboxError, match="no backup of this system does"):
        contents_of(folder / "b.tar", folder / "out")
    assert not (folder / "outside").exists()


def test_it_is_never_written_over_another_file_and_never_left_half(folder: Path) -> None:
    (folder / "c.tar").write_bytes(b"precious")
    with pytest.raises(OneboxError, match="is there already and is not overwritten"):
        make(folder / "c.tar", {"a": b"x"})
    assert (folder / "c.tar").read_bytes() == b"precious"
    with pytest.raises(OneboxError, match="not there"), writing(folder / "d.tar", PASSPHRASE) as contents:
        contents.add_file("a", folder / "not there")
    assert [path.name for path in folder.iterdir()] == ["c.tar"]


def test_times_and_attributes_of_files_and_folders_come_along(folder: Path) -> None:
    tree = folder / "tree"
    (tree / "empty").mkdir(parents=True)
    (tree / "object").write_bytes(b"sealed")
    os.setxattr(tree / "object", "user.version-id", b"01J\xff\x00")
    os.setxattr(tree / "empty", "user.policy", b"{}")
    os.utime(tree / "object", (1_700_000_000.25, 1_700_000_000.25))
    with writing(folder / "e.tar", PASSPHRASE) as contents:
        contents.add_tree("s3", tree)
    contents_of(folder / "e.tar", folder / "out")
    restored = folder / "out" / "s3"
    assert os.getxattr(restored / "object", "user.version-id") == b"01J\xff\x00"
    assert os.getxattr(restored / "empty", "user.policy") == b"{}"
    assert (restored / "object").stat().st_mtime == 1_700_000_000.25


def test_a_passphrase_others_may_read_or_that_is_short_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "passphrase"
    monkeypatch.setenv("PASSPHRASE_FILE", str(file))
    file.write_text(f"{PASSPHRASE}\n")
    file.chmod(0o640)
    with pytest.raises(OneboxError, match="others may read the passphrase"):
        known_passphrase()
    file.chmod(0o600)
    assert known_passphrase() == new_passphrase() == PASSPHRASE
    file.write_text("short\n")
    with pytest.raises(OneboxError, match="too short"):
        new_passphrase()


# Putting restored data in place


def tree_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def fill(layout: Layout, **files: str) -> None:
    for name, text in files.items():
        path = layout.var / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_bucket_keeps_what_it_has_and_gains_what_it_lacks(folder: Path) -> None:
    old, new = Layout(folder, "var.replaced"), Layout(folder)
    fill(old, s3__objects__a="today", s3__objects__hour__b="today")
    fill(new, s3__objects__a="then", s3__objects__hour__c="then", s3__versions__d="then")
    keep_bucket(old, new)
    assert tree_of(new.var) == {
        "s3/objects/a": "today",
        "s3/objects/hour/b": "today",
        "s3/objects/hour/c": "then",
        "s3/versions/d": "then",
    }


def test_a_restore_that_was_interrupted_is_undone_or_finished(folder: Path) -> None:
    layout, replaced = Layout(folder), Layout(folder, "var.replaced")
    fill(replaced, port_json="old", s3__objects__a="sealed")
    settle(layout)  # interrupted between its two renames
    assert tree_of(layout.var) == {"port_json": "old", "s3/objects/a": "sealed"}
    os.rename(layout.var, replaced.var)
    fill(layout, port_json="new")
    settle(layout)  # interrupted after them
    assert tree_of(layout.var) == {"port_json": "new", "s3/objects/a": "sealed"}
    assert [path.name for path in folder.iterdir()] == ["var"]


@pytest.mark.parametrize("key", ["same", "other"])
def test_this_machine_s_agent_stays_when_it_is_the_one_in_the_backup(folder: Path, key: str) -> None:
    layout, restored = Layout(folder), Layout(folder, "var.restoring-1")
    who = {"agent__identity__agent.json": '{"agent": "a"}', "agent__identity__record.key": "same"}
    fill(layout, **who, agent__spool__index="today")
    fill(restored, **who | {"agent__identity__record.key": key}, agent__spool__index="then")
    put_in_place(layout, restored)
    assert tree_of(layout.var)["agent/spool/index"] == ("today" if key == "same" else "then")


@pytest.mark.parametrize("backup", ["of before", "of after"])
def test_an_agent_that_was_given_new_keys_is_the_one_in_a_backup_of_after(folder: Path, backup: str) -> None:
    layout, restored = Layout(folder), Layout(folder, "var.restoring-1")
    now = {
        "agent__identity__agent.json": '{"agent": "a", "generation": 1}',
        "agent__identity__record.1.key": "new",
    }
    before = {"agent__identity__agent.json": '{"agent": "a"}', "agent__identity__record.key": "old"}
    fill(layout, **now, agent__spool__index="today")
    fill(restored, **(before if backup == "of before" else now), agent__spool__index="then")
    put_in_place(layout, restored)
    assert tree_of(layout.var)["agent/spool/index"] == ("then" if backup == "of before" else "today")


def test_limits_that_were_set_on_this_machines_agent_come_along(folder: Path) -> None:
    layout = Layout(folder)
    for name in ("identity", "orders"):
        (layout.agent_state / name).mkdir(parents=True)
    (layout.agent_state / "spool.toml").write_text("days = 3\n")
    (layout.agent_state / "spool.toml").chmod(0o600)
    (layout.agent_state / "status.json").write_text("{}")
    with writing(folder / "a.tar", PASSPHRASE) as contents:
        add_agent(contents, layout, folder)
    found = contents_of(folder / "a.tar", folder / "out")
    assert set(found) == {"agent/spool.toml"}
    assert read_spool_settings(folder / "out" / "agent") == read_spool_settings(layout.agent_state)
    assert read_spool_settings(layout.agent_state) != read_spool_settings(folder)
