"""What is built from source: the Go programs and the front end."""

import shutil
from pathlib import Path

import pytest

from vsaas.onebox import nodebuild
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.gobuild import VERSITYGW, GoProgram, build, built


def test_a_program_that_was_built_is_not_built_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("GOPROXY", "off")
    assert built(VERSITYGW) is None
    cached = folder / "vsaas" / "bin" / f"versitygw-{VERSITYGW.version}"
    cached.write_text("#!/bin/sh\n")
    assert build(VERSITYGW) == built(VERSITYGW) == cached


def test_without_a_module_proxy_it_says_which_program_and_what_to_check(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOPATH", str(folder / "go"))
    program = GoProgram("nothing", "example.invalid/nothing", "v0.0.1")
    with pytest.raises(OneboxError, match=r"cannot build nothing v0\.0\.1: .*check that the Go module proxy"):
        build(program)
    assert not (folder / "vsaas" / "bin" / "nothing-v0.0.1").exists()


@pytest.fixture
def frontend(folder: Path) -> Path:
    """A front end's folder with the real lock file and nothing to build."""
    (folder / "src").mkdir()
    (folder / "src" / "main.ts").write_text("export const one = 1;\n")
    return folder


def test_the_front_end_is_known_by_its_sources_alone(frontend: Path) -> None:
    before = nodebuild.sources_hash(frontend)
    for place in ("node_modules", "dist", "test"):
        (frontend / place).mkdir()
        (frontend / place / "x.js").write_text("1")
    assert nodebuild.sources_hash(frontend) == before
    (frontend / "src" / "main.ts").write_text("export const one = 2;\n")
    changed = nodebuild.sources_hash(frontend)
    assert changed != before
    shutil.move(frontend / "src" / "main.ts", frontend / "src" / "other.ts")
    assert nodebuild.sources_hash(frontend) not in (before, changed)


def test_packages_that_cannot_be_installed_are_said_with_npm_s_own_words(frontend: Path) -> None:
    (frontend / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    (frontend / "package-lock.json").write_text("{ half a lock file")
    with pytest.raises(OneboxError, match=r"(?s)cannot install the front end's packages in .*try again"):
        nodebuild.build(frontend)
    assert not (frontend / "dist").exists()
