import pytest

from tests.boxes import Houses, make_houses
from tests.cameras.place import Place, make_place
from tests.cast import Cast


@pytest.fixture
def houses(database) -> Houses:
    """Two tenants with keys and sites."""
    return make_houses()


@pytest.fixture
def place(cast: Cast, pages: None) -> Place:
    """A camera on the Gate and Alice's browser."""
    return make_place(cast)
