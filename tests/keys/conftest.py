import pytest

from tests.boxes import Houses, make_houses


@pytest.fixture
def houses(database) -> Houses:
    """Two tenants with keys and sites."""
    return make_houses()
