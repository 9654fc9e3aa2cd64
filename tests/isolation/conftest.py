from collections.abc import Iterator

import pytest

from tests.live_hub import running_hub


@pytest.fixture(scope="session")
def hub_address(database: None) -> Iterator[str]:
    """The hub, running as a process of its own."""
    with running_hub() as address:
        yield address
