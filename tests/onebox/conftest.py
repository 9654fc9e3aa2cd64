"""Folders for services under test: short, private, and wiped afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a short name; unix sockets fit below it."""
    path = Path(tempfile.mkdtemp(prefix="vsaas-t-"))
    yield path
    shutil.rmtree(path)
