"""Opening a footage folder with segment keys into ordinary files, checking every byte on the way (SPEC.md section 9.2)."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from .errors import BadIndex, MissingKey, MissingObject, SealingError
from .folder import Folder, name_of
from .ids import Rendition
from .index import Index, open_index
from .record import Part, Segment
from .remux import NEEDS_PYAV, NoRemuxer, have_pyav, remux
from .segment import read_part
from .verify import Failure, State, StreamReport

Keys = Mapping[tuple[uuid.UUID, Rendition], bytes]


@dataclass
class OpenedFile:
    """One file written: footage without interruption from `from_us` to `to_us`, UTC."""

    path: Path
    from_us: int
    to_us: int
    renditions: list[Rendition]


@dataclass
class Opened:
    """What came of opening one stream. `failures`: what could not be opened, and why."""

    files: list[OpenedFile] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def open_stream(folder: Folder, report: StreamReport, keys: Keys, out: Path, *, audio: bool = True) -> Opened:
    """Write the proven footage of one stream to `out`, and further runs to `out` with -2, -3 … before the suffix.

    A new file begins where a run ends: at a gap, at another init segment, after footage that did not hold. Nothing unauthentic is
    written. Raises NoRemuxer where two tracks are to be joined and PyAV is absent, FileExistsError where a file is in the way.
    """
    result = Opened()
    with tempfile.TemporaryDirectory(prefix=".opening-", dir=out.parent) as scratch:
        opener = _Opener(folder, keys, Path(scratch), audio, result.failures)
        for run in opener.runs(report.segments):
            for stretch in opener.open(run):
                number = len(result.files) + 1
                path = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
                result.files.append(stretch.write(path))
    return result


class _Stretch:
    """Tracks of uninterrupted footage on their way into one file."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._tracks: dict[Rendition, Path] = {}
        self.from_us: int | None = None
        self.to_us = 0

    def begin(self, rendition: Rendition, init: bytes) -> None:
        """Start a track with its init segment, if it has not been."""
        if rendition not in self._tracks:
            self._tracks[rendition] = self._scratch / uuid.uuid4().hex
            self.append(rendition, init)

    def append(self, rendition: Rendition, fragment: bytes) -> None:
        with self._tracks[rendition].open("ab") as file:
            file.write(fragment)

    def cover(self, from_us: int, to_us: int) -> None:
        self.from_us = from_us if self.from_us is None else self.from_us
        self.to_us = to_us

    def write(self, path: Path) -> OpenedFile:
        """Join the tracks into `path`. One track alone is an ordinary fragmented MP4 already."""
        if path.exists():
            raise FileExistsError(f"{path} exists already: choose another name")
        tracks = [self._tracks[rendition] for rendition in sorted(self._tracks)]
        if have_pyav():
            remux(tracks, path)
        elif len(tracks) == 1:
            tracks[0].rename(path)
        else:
            raise NoRemuxer(f"to join video and audio, {NEEDS_PYAV}; or open the video alone with --no-audio")
        for track in tracks:
            track.unlink(missing_ok=True)
        assert self.from_us is not None
        return OpenedFile(path, self.from_us, self.to_us, sorted(self._tracks))


class _Opener:
    """Opens the segments of one stream."""

    def __init__(
        self, folder: Folder, keys: Keys, scratch: Path, audio: bool, failures: list[Failure]
    ) -> None:
        self._folder = folder
        self._keys = keys
        self._scratch = scratch
        self._audio = audio
        self._failures = failures
        self._at_us = 0

    def runs(self, segments: list[Segment]) -> Iterator[list[Segment]]:
        """Segments in order of time, cut where the run, an init segment or the tracks to be opened change."""
        for _, run in groupby(
            segments, key=lambda item: (item.run, [_init_hash(part) for part in self._tracks(item)])
        ):
            yield list(run)

    def open(self, segments: list[Segment]) -> Iterator[_Stretch]:
        """Stretches of footage that opened; a segment that does not open to its end also ends its stretch."""
        stretch = _Stretch(self._scratch)
        for segment in segments:
            if not self._open_segment(segment, stretch):
                if stretch.from_us is not None:
                    yield stretch
                stretch = _Stretch(self._scratch)
        if stretch.from_us is not None:
            yield stretch

    def _tracks(self, segment: Segment) -> list[Part]:
        """The parts to open: the video always, the audio where it is wanted and a key for it was given."""
        audio = segment.part(Rendition.AUDIO)
        wanted = self._audio and (segment.segment, Rendition.AUDIO) in self._keys
        return [segment.video, audio] if audio is not None and wanted else [segment.video]

    def _open_segment(self, segment: Segment, stretch: _Stretch) -> bool:
        """Append one segment. False, with a failure noted, when it did not open to its end."""
        self._at_us = segment.start_us
        try:
            with self._folder.object_path(segment).open("rb") as file:
                index = self._index(segment, file)
                for part in self._tracks(segment):
                    self._open_part(segment, index, part, file, stretch)
        except SealingError as error:
            self._fail(segment, error)
            return False
        except FileNotFoundError:
            self._fail(segment, MissingObject("the object is absent"))
            return False
        return True

    def _fail(self, segment: Segment, error: SealingError) -> None:
        state = State.MISSING if isinstance(error, MissingObject | MissingKey) else State.TAMPERED
        where = segment.camera, segment.stream, name_of(segment), segment.chain, segment.seq
        self._failures.append(Failure(state, error, self._at_us, *where))

    def _key(self, segment: Segment, rendition: Rendition) -> bytes:
        key = self._keys.get((segment.segment, rendition))
        if key is None:
            raise MissingKey(
                f"the key file has no key for {rendition.name.lower()} of segment {segment.segment}"
            )
        return key

    def _index(self, segment: Segment, file: BinaryIO) -> Index:
        part = segment.index
        return open_index(
            segment, self._key(segment, Rendition.INDEX), _read(file, part.offset, part.sealed_length)
        )

    def _open_part(
        self, segment: Segment, index: Index, part: Part, file: BinaryIO, stretch: _Stretch
    ) -> None:
        """Append the fragments one by one, so that all before one that fails are kept."""
        self._at_us = segment.start_us
        entry, media = index.entry(part.rendition), part.media
        assert entry is not None
        assert media is not None
        key = self._key(segment, part.rendition)
        reader = read_part(
            segment, index, part.rendition, key, lambda offset, length: _read(file, offset, length)
        )
        init = reader.read(0, entry.init_length)
        if hashlib.sha256(init).digest() != media.init_hash:
            raise BadIndex("the init segment is not the one in the record")
        stretch.begin(part.rendition, init)
        for fragment in entry.fragments:
            after = fragment.decode_time - media.decode_time
            self._at_us = segment.start_us + after * 1_000_000 // media.timescale
            stretch.append(part.rendition, reader.read(fragment.offset, fragment.length))
            if part is segment.video:
                end = after + fragment.duration
                stretch.cover(segment.start_us, segment.start_us + end * 1_000_000 // media.timescale)


def _init_hash(part: Part) -> tuple[Rendition, bytes | None]:
    return part.rendition, None if part.media is None else part.media.init_hash


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
