from collections.abc import Iterator

import pytest

from tests.live_hub import running_hub


@pytest.fixture(scope="package")
def hub_address(database: None) -> Iterator[str]:
    """The hub, running as a process of its own; it ends with these tests, for others start theirs at the same port."""
    with running_hub() as address:
        yield address
