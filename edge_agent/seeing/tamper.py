"""Tampering with a camera, seen in its picture every few seconds: covered or black, out of focus, turned away. Pure.

Each is measured against what was seen before, learned over minutes while nothing is wrong; so a foggy lens or a dull scene is no
tampering from the first day on. What is wrong must last; what has been so for a quarter of an hour is how it looks now.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

EVERY_S: Final = 4.0
WIDTH: Final = 160
HEIGHT: Final = 90
LASTS_S: Final = 15.0
_LEARNS_S: Final = 60.0
_ACCEPTED_S: Final = 900.0
_PLAIN: Final = 5.0
"""Grey values by which a covered lens's picture differs from its mean, noise included."""
_SHARP_SHARE: Final = 0.4
_ALIKE: Final = 0.35
"""The least correlation with the learned scene; another light or season keeps far more of it."""
_LEARN: Final = 0.02
_BLOCK: Final = 10

COVERED, BLURRED, TURNED = "covered", "blurred", "turned"


class TamperWatch:
    """One camera. `state` is "" or what is wrong."""

    def __init__(self) -> None:
        self.state = ""
        self._suspected = ""
        self._suspected_s = 0.0
        self._learned_s: float | None = None
        self._sharpness = 0.0
        self._scene: list[float] = []

    def gone(self) -> None:
        """No pictures for a while: what is wrong is told anew when it lasts after that."""
        self.state = self._suspected = ""

    def take(self, picture: bytes, now_s: float) -> bool:
        """The next picture, WIDTH by HEIGHT grey values; whether `state` changed."""
        scene = _scene(picture)
        sharpness = _sharpness(picture) / (_spread(scene) ** 2 + _PLAIN**2)
        if self._scene and _spread(self._scene) < _PLAIN <= _spread(scene):
            self._scene = []  # there was nothing to see: what is seen now is the scene
        wrong = self._wrong(scene, sharpness, now_s)
        if wrong != self._suspected:
            self._suspected, self._suspected_s = wrong, now_s
        lasts_s = now_s - self._suspected_s
        if wrong and lasts_s >= _ACCEPTED_S:
            self._scene, wrong = [], ""
        if not wrong:
            self._learn(scene, sharpness, now_s)
        before = self.state
        if not wrong or lasts_s >= LASTS_S:
            self.state = wrong
        return self.state != before

    def _wrong(self, scene: list[float], sharpness: float, now_s: float) -> str:
        if _spread(scene) < _PLAIN:
            # A scene that darkens as evenings do is learned on the way, and ends as plain as this.
            return COVERED if not self._scene or _spread(self._scene) >= 2 * _PLAIN else ""
        if self._learned_s is None or now_s - self._learned_s < _LEARNS_S or not self._scene:
            return ""
        if _correlation(scene, self._scene) < _ALIKE:
            return TURNED
        return BLURRED if sharpness < _SHARP_SHARE * self._sharpness else ""

    def _learn(self, scene: list[float], sharpness: float, now_s: float) -> None:
        if not self._scene:
            self._learned_s, self._scene, self._sharpness = now_s, scene, sharpness
            return
        self._scene = [old + _LEARN * (new - old) for old, new in zip(self._scene, scene, strict=True)]
        self._sharpness += _LEARN * (sharpness - self._sharpness)


def _scene(picture: bytes) -> list[float]:
    """Means of blocks: what stands where, without detail."""
    across = range(0, WIDTH, _BLOCK)
    means = []
    for top in range(0, HEIGHT, _BLOCK):
        rows = [picture[y * WIDTH : (y + 1) * WIDTH] for y in range(top, top + _BLOCK)]
        means += [sum(sum(row[x : x + _BLOCK]) for row in rows) / _BLOCK**2 for x in across]
    return means


def _sharpness(picture: bytes) -> float:
    """Mean square of the steps from a place to the one beside it: fine detail weighs most, and goes first out of focus. What it
    is worth stands beside the contrast of the scene, which less light takes away as well."""
    total = 0
    for top in range(0, WIDTH * HEIGHT, WIDTH):
        row = picture[top : top + WIDTH]
        total += sum((left - right) ** 2 for left, right in pairwise(row))
    return total / (HEIGHT * (WIDTH - 1))


def _spread(scene: list[float]) -> float:
    mean = sum(scene) / len(scene)
    spread: float = (sum((value - mean) ** 2 for value in scene) / len(scene)) ** 0.5
    return spread


def _correlation(one: list[float], other: list[float]) -> float:
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    together = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spreads = _spread(one) * _spread(other) * len(one)
    return together / spreads if spreads else 1.0
