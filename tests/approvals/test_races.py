"""Two people decide at once, and one session uses its approval twice at once: one of each wins, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import connections
from django.http import HttpResponse

from tests.api_calls import problem
from tests.approvals.stage import at_the_door, audited, decide, door, is_in, make_bound, state, the_request
from tests.cast import code_of, sign_in

pytestmark = pytest.mark.usefixtures("database", "pages")


def at_once(acts: Sequence[Callable[[], HttpResponse]]) -> list[HttpResponse]:
    """What each answers, all begun at the same moment on threads of their own."""
    gate, replies = threading.Barrier(len(acts)), dict[int, HttpResponse]()

    def run(number: int, act: Callable[[], HttpResponse]) -> None:
        gate.wait(timeout=20)
        try:
            replies[number] = act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return [replies[number] for number in range(len(acts))]


def test_of_two_approvals_at_once_one_wins_and_the_other_is_told() -> None:
    cast, anna = make_bound()
    olga, alices, annas = at_the_door(cast.olga), sign_in(cast.alice), sign_in(anna)
    row = the_request(cast.olga)
    digest, codes = bytes(row.digest).hex(), (code_of(cast.alice), code_of(anna))
    replies = at_once(
        [
            lambda: decide(alices, cast.alice, row.pk, code=codes[0], digest=digest),
            lambda: decide(annas, anna, row.pk, code=codes[1], digest=digest),
        ]
    )
    assert sorted(reply.status_code for reply in replies) == [200, 409]
    (loser,) = (reply for reply in replies if reply.status_code == 409)
    assert problem(loser) == "decided-already"
    assert "decided this first" in loser.json()["detail"]
    assert len(audited(cast.olga, "approval.approved")) == 1
    olga.post(door(cast.olga, "/enter"))
    assert is_in(olga, cast.olga)


def test_a_yes_and_a_no_at_once_are_one_of_them() -> None:
    cast, anna = make_bound()
    olga, alices, annas = at_the_door(cast.olga), sign_in(cast.alice), sign_in(anna)
    row = the_request(cast.olga)
    code, digest = code_of(cast.alice), bytes(row.digest).hex()
    replies = at_once(
        [
            lambda: decide(alices, cast.alice, row.pk, code=code, digest=digest),
            lambda: decide(annas, anna, row.pk, "refusal"),
        ]
    )
    assert sorted(reply.status_code for reply in replies) == [200, 409]
    assert state(olga, cast.olga) == ("approved" if replies[0].status_code == 200 else "refused")


def test_an_approval_is_used_once_however_often_it_is_tried_at_once() -> None:
    cast, _anna = make_bound()
    olga, alices = at_the_door(cast.olga), sign_in(cast.alice)
    row = the_request(cast.olga)
    code, digest = code_of(cast.alice), bytes(row.digest).hex()
    assert decide(alices, cast.alice, row.pk, code=code, digest=digest).status_code == 200
    twins = [type(olga)(headers={"accept": "text/html"}) for _ in range(2)]
    for twin in twins:
        for name, morsel in olga.cookies.items():
            twin.cookies[name] = morsel.value
    replies = at_once([partial(twin.post, door(cast.olga, "/enter")) for twin in twins])
    assert {reply.status_code for reply in replies} == {302}
    assert len(audited(cast.olga, "approval.signed-in")) == 1
