import pytest

from tests.alarms.silence import Silence, start
from tests.cameras.place import Place, make_place
from tests.cast import Cast


@pytest.fixture
def place(cast: Cast, pages: None) -> Place:
    """A camera on the Gate and Alice's browser."""
    return make_place(cast)


@pytest.fixture
def silence(place: Place) -> Silence:
    """The same, with a worker that has looked after alarms for a while."""
    return start(place)
