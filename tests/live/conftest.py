"""A real hub in a process of its own, on this worker's databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cast import Cast
from tests.live.studio import Place, make_place
from tests.live_hub import running_hub


@pytest.fixture(scope="module")
def hub(database: None) -> Iterator[str]:
    with running_hub() as url:
        yield url


@pytest.fixture
def place(hub: str, cast: Cast) -> Place:
    """A camera on the site that Bob may see, and the box that records it."""
    return make_place(cast)
