"""The first step of every make target, run as people run it: with a bare Python and no environment of ours."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "vsaas" / "onebox" / "bootstrap.py"
BASE_PYTHON = Path(os.path.realpath(sys.executable))


@pytest.fixture
def checkout(folder: Path) -> Path:
    """A checkout with the script and requirements that need no network."""
    (folder / "vsaas" / "onebox").mkdir(parents=True)
    shutil.copy(SCRIPT, folder / "vsaas" / "onebox" / "bootstrap.py")
    (folder / "edge_agent").mkdir()
    for name in ("requirements.txt", "requirements-dev.txt", "edge_agent/requirements.txt"):
        (folder / name).write_text("# nothing\n")
    (folder / "wanted.py").write_text("import sys; print('ran', sys.prefix, *sys.argv[1:])")
    return folder


def run(checkout: Path, *words: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    script = str(checkout / "vsaas" / "onebox" / "bootstrap.py")
    clean = {"PATH": os.environ["PATH"], "HOME": str(checkout)} | (env or {})
    return subprocess.run(
        [str(BASE_PYTHON), *words[:1], script, *words[1:]], env=clean, capture_output=True, text=True
    )


def without_module(checkout: Path, *names: str) -> dict[str, str]:
    """An environment in which Python has no such modules, as on Debian without python3-venv."""
    blocker = checkout / "blocker"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        f"u.find_spec = lambda name, package=None: None if name in {names!r} else found(name, package)\n"
    )
    return {"PYTHONPATH": str(blocker)}


def test_it_makes_the_environment_and_becomes_the_command_in_it(checkout: Path) -> None:
    first = run(checkout, "-s", "app", "wanted", "one")
    assert first.returncode == 0, first.stderr
    assert f"ran {checkout}/.venv one" in first.stdout
    assert "making the virtual environment" in first.stdout
    second = run(checkout, "-s", "app", "wanted", "two")
    assert second.stdout == f"ran {checkout}/.venv two\n"


def test_an_environment_that_was_left_half_made_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    (checkout / ".venv" / ".installed-app").write_text("something else")
    assert "ran" in run(checkout, "-s", "app", "wanted").stdout


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_module_is_named_with_its_debian_package(checkout: Path, module: str) -> None:
    result = run(checkout, "-s", "app", "wanted", env=without_module(checkout, module))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert result.returncode == 1
    assert result.stderr == (
        f"Python's {module} module is missing: install it with: apt-get install python{version}-venv\n"
    )


def test_no_network_is_one_clear_sentence(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("a-package-that-is-nowhere==1\n")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
    result = run(checkout, "-s", "app", "wanted", env=nowhere)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(
        "cannot reach the Python package index: connect this machine to the network"
    )
    assert not (checkout / ".venv" / ".installed-app").exists()


def test_a_python_that_is_too_old_is_named(checkout: Path) -> None:
    old = checkout / "old"
    old.mkdir()
    (old / "sitecustomize.py").write_text("import sys; sys.version_info = (3, 9, 2, 'final', 0)\n")
    result = run(checkout, "-s", "app", "wanted", env={"PYTHONPATH": str(old), "PATH": "/nowhere"})
    assert result.returncode == 1
    assert "Python 3.11 or newer is needed, this is 3.9.2" in result.stderr
    assert "apt-get install python3.11" in result.stderr


def test_a_newer_python_on_the_path_takes_over(checkout: Path) -> None:
    tools = checkout / "tools"
    tools.mkdir()
    newer = tools / "python3.13"
    newer.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec {BASE_PYTHON} "$@"\n')
    newer.chmod(newer.stat().st_mode | stat.S_IXUSR)
    old = checkout / "old"
    old.mkdir()
    (old / "sitecustomize.py").write_text("import sys; sys.version_info = (3, 9, 2, 'final', 0)\n")
    env = {"PYTHONPATH": str(old), "PATH": f"{tools}:{os.environ['PATH']}"}
    assert "ran" in run(checkout, "-s", "app", "wanted", env=env).stdout


def test_usage_is_shown_for_anything_else(checkout: Path) -> None:
    result = run(checkout, "-s", "wrong")
    assert result.returncode == 2
    assert result.stderr.startswith("usage:")
