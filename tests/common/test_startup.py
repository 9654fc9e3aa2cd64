"""What stops a process of the cloud before it serves anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import environment
from vsaas.onebox.postgres import OWNER

ROOT = Path(__file__).parents[2]


def started(module: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A process that loads the module as a server does, with some settings changed."""
    settings = {f"VSAAS_{name}": value for name, value in (environment.variables() | changes).items()}
    return subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )


@pytest.fixture(params=["vsaas.asgi", "vsaas.live.asgi"])
def module(request: pytest.FixtureRequest, database: None) -> str:
    return str(request.param)


def test_as_it_should_be_it_starts(module: str) -> None:
    done = started(module)
    assert done.returncode == 0, done.stderr


def test_a_role_that_owns_tables_is_refused(module: str) -> None:
    owner = environment.postgres().url(OWNER, environment.databases()[0])
    done = started(module, DATABASE_URL=owner)
    assert done.returncode != 0
    assert "tenants would not be kept apart" in done.stderr
    assert owner not in done.stderr


def test_without_the_key_file_nothing_starts(module: str, tmp_path: Path) -> None:
    done = started(module, KMS=f"keyfile:{tmp_path / 'none'}")
    assert done.returncode != 0
    assert "there is no key file" in done.stderr
