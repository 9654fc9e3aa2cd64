"""The vectors of customer-held keys are those the front end's tests run (frontend/test/held.test.ts)."""

from tests.frontend.held_vectors import FILE, content


def test_the_file_of_vectors_is_what_python_computes() -> None:
    assert FILE.read_text() == content()
