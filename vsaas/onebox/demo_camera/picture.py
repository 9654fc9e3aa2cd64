"""The demo camera's picture: an evening landscape with a wall clock, drawn straight into YUV planes.

Everything that stands still is composed once per picture size. A frame then costs only the regions that
change: the digits that differ, the bar that fills once a second, the sun, and the row of blocks.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageDraw, ImageFont

from vsaas.onebox.demo_camera import barcode

Plane = npt.NDArray[np.uint8]
Floats = npt.NDArray[Any]

SKY = [
    (0.00, (13, 18, 42)),
    (0.30, (34, 43, 92)),
    (0.47, (96, 72, 132)),
    (0.58, (206, 110, 122)),
    (0.66, (246, 172, 120)),
    (0.74, (255, 214, 158)),
]
# Crest height (share of the picture's height), swing, waves across the picture, phase, colour.
HILLS = [
    (0.635, 0.050, 1.15, 0.4, (128, 84, 126)),
    (0.700, 0.042, 1.60, 2.5, (84, 62, 112)),
    (0.765, 0.034, 1.05, 4.4, (48, 43, 88)),
    (0.835, 0.020, 1.85, 1.1, (18, 21, 46)),
]
BARS = [
    (235, 235, 235),
    (240, 208, 70),
    (70, 200, 214),
    (86, 190, 96),
    (196, 86, 180),
    (220, 74, 70),
    (66, 92, 214),
    (24, 26, 40),
]
SUN = (255, 236, 196)
INK = (244, 246, 252)
SUN_PERIOD_MS = 24_000


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels with even edges, so that it lies on whole chroma pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, left: float, top: float, right: float, bottom: float) -> "Box":
        return cls(
            math.floor(left / 2) * 2,
            math.floor(top / 2) * 2,
            math.ceil(right / 2) * 2,
            math.ceil(bottom / 2) * 2,
        )

    def within(self, width: int, height: int) -> "Box":
        return Box(
            min(max(self.left, 0), width),
            min(max(self.top, 0), height),
            min(max(self.right, 0), width),
            min(max(self.bottom, 0), height),
        )

    @property
    def luma(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def chroma(self) -> tuple[slice, slice]:
        return slice(self.top // 2, self.bottom // 2), slice(self.left // 2, self.right // 2)


def _halve(mask: Floats) -> Floats:
    height, width = mask.shape
    return mask.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3), dtype=np.float32)


@dataclass(frozen=True)
class Canvas:
    """The three planes of a YUV 4:2:0 picture or a part of one: full-size y, half-size u and v.

    Pictures are uint8 in limited range; differences between pictures are float32.
    """

    y: npt.NDArray[Any]
    u: npt.NDArray[Any]
    v: npt.NDArray[Any]

    @classmethod
    def blank(cls, width: int, height: int) -> "Canvas":
        """Make planes of their own, for tests and stills."""
        half = (height // 2, width // 2)
        return cls(
            np.full((height, width), 16, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)
        )

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Canvas":
        """Make a view of a yuv420p frame's own memory, so that drawing needs no copy."""
        planes = []
        for plane in frame.planes:
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            planes.append(rows[: plane.height, : plane.width])
        return cls(*planes)

    def cut(self, box: Box) -> "Canvas":
        """Return a view of the part inside `box`."""
        return Canvas(self.y[box.luma], self.u[box.chroma], self.v[box.chroma])

    def copy(self) -> "Canvas":
        return Canvas(self.y.copy(), self.u.copy(), self.v.copy())

    def paste(self, box: Box, part: "Canvas") -> None:
        """Overwrite the part inside `box`."""
        self.y[box.luma], self.u[box.chroma], self.v[box.chroma] = part.y, part.u, part.v

    def inked(self, mask: Floats) -> "Canvas":
        """Return a copy with white ink laid over it through `mask` (y's shape, 0 to 1)."""
        half = _halve(mask)
        return Canvas(
            (self.y + mask * (233.0 - self.y) + 0.5).astype(np.uint8),
            (self.u + half * (128.0 - self.u) + 0.5).astype(np.uint8),
            (self.v + half * (128.0 - self.v) + 0.5).astype(np.uint8),
        )

    def weighted(self, weight: Floats) -> "Canvas":
        """Return the planes multiplied by `weight` (y's shape), as float32."""
        half = _halve(weight)
        return Canvas(self.y * weight, self.u * half, self.v * half)

    def plus(self, added: "Canvas") -> "Canvas":
        """Return the sum as uint8."""
        return Canvas(
            (self.y + added.y + 0.5).astype(np.uint8),
            (self.u + added.u + 0.5).astype(np.uint8),
            (self.v + added.v + 0.5).astype(np.uint8),
        )


def _yuv(rgb: Plane) -> Canvas:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return Canvas.of(
        frame.reformat(
            format="yuv420p",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
    )


def _sky(width: int, height: int) -> Floats:
    at = (np.arange(height, dtype=np.float32) + 0.5) / height
    stops = [stop for stop, _ in SKY]
    column = np.stack([np.interp(at, stops, [colour[c] for _, colour in SKY]) for c in range(3)], axis=1)
    return np.repeat(column[:, np.newaxis, :], width, axis=1).astype(np.float32)


def _hill_cover(width: int, height: int, hill: tuple[float, float, float, float]) -> Floats:
    crest, swing, waves, phase = hill
    x = np.linspace(0, 2 * math.pi, width, dtype=np.float32)
    shape = np.sin(waves * x + phase) + 0.45 * np.sin(2.7 * waves * x + 1.7 * phase)
    shape += 0.12 * np.sin(7.3 * waves * x + 3.1 * phase)
    line = height * (crest - swing * shape / 1.57)
    rows = np.arange(height, dtype=np.float32)[:, np.newaxis]
    return np.clip(rows - line[np.newaxis, :] + 0.5, 0, 1)


class TestCard:
    """Draws one stream's picture for any moment into a canvas it keeps.

    `detail` is the small line at the top right (stream, size, frame rate). Width and height are even.
    """

    __test__ = False  # pytest takes every class called Test... for a test

    def __init__(self, canvas: Canvas, detail: str) -> None:
        self._canvas = canvas
        self._height, self._width = canvas.y.shape
        if self._height % 2 or self._width % 2:
            raise ValueError(f"cannot draw {self._width}x{self._height}: width and height must be even")
        self._scale = min(self._width / 1280, self._height / 720)
        self._detail = detail
        self._shown = ""
        self._shown_date = ""
        self._sun_box: Box | None = None
        self._patches: dict[tuple[int, str], Canvas] = {}
        self._compose()
        self._lay_out_clock()
        canvas.paste(Box(0, 0, self._width, self._height), self._still)

    def draw(self, utc_ms: int) -> None:
        """Bring the canvas to the moment `utc_ms` (milliseconds since 1970 UTC)."""
        moment = datetime.fromtimestamp(utc_ms // 1000, UTC)
        self._write_date(moment)
        self._draw_sun(utc_ms)
        self._draw_clock(f"{moment:%H:%M:%S}.{utc_ms % 1000:03d}")
        self._draw_second_bar(utc_ms % 1000)
        barcode.draw(self._canvas.y, utc_ms, black=16, white=235)

    # What stands still.

    def _font(self, size: float) -> ImageFont.FreeTypeFont:
        font = ImageFont.load_default(max(6, round(size * self._scale)))
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise RuntimeError("cannot draw text: this Pillow was built without FreeType; install its wheel")
        return font

    def _mask(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        image = Image.new("L", (self._width, self._height), 0)
        return image, ImageDraw.Draw(image)

    def _compose(self) -> None:
        width, height = self._width, self._height
        rgb = _sky(width, height)
        sky = rgb.copy()
        open_sky = np.ones((height, width), np.float32)
        for crest, swing, waves, phase, colour in HILLS:
            cover = _hill_cover(width, height, (crest, swing, waves, phase))
            rgb += cover[:, :, np.newaxis] * (np.array(colour, np.float32) - rgb)
            open_sky *= 1 - cover
        self._compose_bars(rgb)
        text = self._still_text()
        rgb += text[:, :, np.newaxis] * (np.array(INK, np.float32) - rgb)
        self._still = _yuv(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))
        self._prepare_sun(np.clip(sky, 0, 255).astype(np.uint8), open_sky * (1 - text))

    def _compose_bars(self, rgb: Floats) -> None:
        top = self._height - max(2, round(14 * self._height / 720))
        for i, colour in enumerate(BARS):
            left, right = (round(self._width * (i + d) / len(BARS)) for d in (0, 1))
            rgb[top:, left:right] = colour

    def _still_text(self) -> Floats:
        image, pen = self._mask()
        s, edge = self._scale, 80 * self._width / 1280
        pen.text(
            (edge, 92 * s),
            "Demo camera",
            fill=255,
            font=self._font(46),
            anchor="ls",
            stroke_width=max(0, round(0.8 * s)),
        )
        pen.text((self._width - edge, 92 * s), self._detail, fill=210, font=self._font(24), anchor="rs")
        if s >= 0.75:  # smaller than that nobody can read it
            pen.text(
                (self._width * barcode.LEFT, self._height * barcode.TOP - 12 * s),
                "UTC in milliseconds, for machines to read",
                fill=120,
                font=self._font(17),
                anchor="ls",
            )
        return np.asarray(image, np.float32) / 255

    def _prepare_sun(self, sky: Plane, open_sky: Floats) -> None:
        """Keep, per pixel, what full sunlight would add; hills and text take it away."""
        below, light = _yuv(sky), _yuv(np.full_like(sky, SUN))
        self._sunlight = Canvas(
            light.y.astype(np.float32) - below.y,
            light.u.astype(np.float32) - below.u,
            light.v.astype(np.float32) - below.v,
        ).weighted(open_sky)

    # What moves.

    def _lay_out_clock(self) -> None:
        self._clock_font = self._font(164)
        digit = max(self._clock_font.getlength(d) for d in "0123456789")
        point = self._clock_font.getlength(":") * 1.25
        top, bottom = 168 * self._scale, 304 * self._scale
        x = 80 * self._width / 1280 - 6 * self._scale
        self._cells: list[Box] = []
        for i in range(len("00:00:00.000")):
            step = point if i in (2, 5, 8) else digit
            cell = Box.around(x, top, x + step, bottom)
            if self._cells:
                cell = Box(self._cells[-1].right, cell.top, cell.right, cell.bottom)
            self._cells.append(cell.within(self._width, self._height))
            x += step
        first, last = self._cells[0], self._cells[-1]
        s = self._scale
        self._bar = Box.around(first.left + 6 * s, 322 * s, last.right, 322 * s + max(2, 4 * s))
        self._date_box = Box.around(first.left, 340 * s, self._width * 0.6, 392 * s)
        self._date_sky = self._still.cut(self._date_box).copy()
        self._date_sunlight = self._sunlight.cut(self._date_box).copy()

    def _digit(self, index: int, character: str) -> Canvas:
        patch = self._patches.get((index, character))
        if patch is None:
            box = self._cells[index]
            image = Image.new("L", (box.right - box.left, box.bottom - box.top), 0)
            ImageDraw.Draw(image).text(
                ((box.right - box.left) / 2, 290 * self._scale - box.top),
                character,
                fill=255,
                font=self._clock_font,
                anchor="ms",
            )
            patch = self._still.cut(box).inked(np.asarray(image, np.float32) / 255)
            self._patches[index, character] = patch
        return patch

    def _draw_clock(self, text: str) -> None:
        for i, character in enumerate(text):
            if self._shown[i : i + 1] != character:
                self._canvas.paste(self._cells[i], self._digit(i, character))
        self._shown = text

    def _write_date(self, moment: datetime) -> None:
        """Write the date into the still picture itself, in front of the sun: it changes once a day."""
        text = f"{moment:%A}, {moment.day} {moment:%B %Y}  ·  UTC"
        if text == self._shown_date:
            return
        box = self._date_box
        image = Image.new("L", (box.right - box.left, box.bottom - box.top), 0)
        ImageDraw.Draw(image).text(
            (6 * self._scale, 378 * self._scale - box.top), text, fill=235, font=self._font(34), anchor="ls"
        )
        mask = np.asarray(image, np.float32) / 255
        self._still.paste(box, self._date_sky.inked(mask))
        self._sunlight.paste(box, self._date_sunlight.weighted(1 - mask))
        self._canvas.paste(box, self._still.cut(box))
        self._shown_date = text

    def _draw_second_bar(self, millisecond: int) -> None:
        box = self._bar
        filled = (box.right - box.left) * millisecond / 1000
        across = np.clip(filled - np.arange(box.right - box.left, dtype=np.float32), 0, 1) * 0.75 + 0.2
        mask = np.repeat(across[np.newaxis, :], box.bottom - box.top, axis=0).astype(np.float32)
        self._canvas.paste(box, self._still.cut(box).inked(mask))

    def _draw_sun(self, utc_ms: int) -> None:
        """Move the sun along its arc from left to right, behind the hills, out of the picture and again."""
        if self._sun_box is not None:
            self._canvas.paste(self._sun_box, self._still.cut(self._sun_box))
        share = utc_ms % SUN_PERIOD_MS / SUN_PERIOD_MS
        reach = 96 * self._scale
        x = -reach + share * (self._width + 2 * reach)
        y = self._height * (0.70 - 0.11 * math.sin(math.pi * share))
        box = Box.around(x - reach, y - reach, x + reach, y + reach).within(self._width, self._height)
        if box.right > box.left and box.bottom > box.top:
            light = self._sunlight.cut(box).weighted(self._light(box, x, y, reach))
            self._canvas.paste(box, self._still.cut(box).plus(light))
        self._sun_box = box

    @staticmethod
    def _light(box: Box, x: float, y: float, reach: float) -> Floats:
        """Return how much sunlight (0 to 1) falls on each pixel of `box`: a disc and a soft glow."""
        dx = np.arange(box.left, box.right, dtype=np.float32) + np.float32(0.5 - x)
        dy = np.arange(box.top, box.bottom, dtype=np.float32) + np.float32(0.5 - y)
        distance = np.sqrt(dx[np.newaxis, :] ** 2 + dy[:, np.newaxis] ** 2)
        disc = np.clip(np.float32(0.42 * reach) - distance + np.float32(0.5), 0, 1)
        glow = np.clip(1 - distance / np.float32(reach), 0, 1) ** 2 * np.float32(0.55)
        return np.maximum(disc, glow)
