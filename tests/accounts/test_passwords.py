"""Which passwords are taken. `frontend/test/strength.test.ts` asks the page's meter the same questions."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.core.exceptions import ValidationError

from tests.cast import Cast
from vsaas.accounts.passwords import check_password_strength

ABOUT = ["Alice", "alice@example.org", "Acme Works"]


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "Use 12 characters or more"),
        ("Password1234", "easy to guess"),
        ("qwertyuiop123", "easy to guess"),
        ("iloveyou2026!", "easy to guess"),
        ("alice@example.org", "made of your name"),
        ("acme works alice", "made of your name"),
        ("a" * 129, "128 characters at most"),
    ],
)
def test_a_password_others_would_try_is_refused_with_what_to_do(password: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check_password_strength(password, ABOUT)
    assert says in " ".join(caught.value.messages)


@pytest.mark.parametrize("password", ["walnut ferry lantern meadow", "correct horse battery 7 staple"])
def test_a_few_unrelated_words_are_taken(password: str) -> None:
    check_password_strength(password, ABOUT)


def test_the_field_brings_what_the_meter_needs_and_nothing_of_other_people(
    cast: Cast, client_for, pages: None
) -> None:
    page = client_for(cast.alice).get(f"/t/{cast.tenant_a.slug}/account/password").content.decode()
    (limits,) = re.findall(r'data-strength="([^"]+)"', page)
    assert json.loads(html.unescape(limits)) == {
        "least": 12,
        "most": 128,
        "score": 3,
        "own": 6,
        "about": [cast.alice.name, cast.alice.email, cast.tenant_a.name],
    }
