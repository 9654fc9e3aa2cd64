"""The demo camera's sound: a soft tone for 80 ms at the start of every UTC second, so that sound and picture
can be checked against each other."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext

from vsaas.onebox.demo_camera.clock import Instant
from vsaas.onebox.demo_camera.config import AudioCodec

TONE_HZ = 880
TONE_SECONDS = 0.08
TONE_LEVEL = 0.12


@dataclass(frozen=True)
class AudioFormat:
    """One audio codec as it goes over RTP. `block` is how many samples one packet holds."""

    codec: AudioCodec
    encoder: str
    sample_format: str
    rate_hz: int
    block: int
    payload_type: int


FORMATS: dict[AudioCodec, AudioFormat] = {
    "aac": AudioFormat("aac", "aac", "fltp", 16_000, 1024, 97),
    "pcma": AudioFormat("pcma", "pcm_alaw", "s16", 8_000, 160, 8),
    "pcmu": AudioFormat("pcmu", "pcm_mulaw", "s16", 8_000, 160, 0),
}


@dataclass(frozen=True)
class AudioUnit:
    """One encoded block of sound and the monotonic time of its first sample."""

    data: bytes
    media_ns: int


def tone(utc_ns: int, count: int, rate_hz: int) -> npt.NDArray[np.float32]:
    """Return `count` samples (-1 to 1) of the sound from `utc_ns` on."""
    into_second = (utc_ns % 1_000_000_000) / 1e9 + np.arange(count) / rate_hz
    into_second %= 1.0
    swell = np.sin(np.pi * np.clip(into_second / TONE_SECONDS, 0, 1)) ** 2
    return (TONE_LEVEL * swell * np.sin(2 * np.pi * TONE_HZ * into_second)).astype(np.float32)


class AudioEncoder:
    """Makes and encodes the sound, block after block from `start`."""

    def __init__(self, audio_format: AudioFormat, start: Instant) -> None:
        self.format = audio_format
        self._start = start
        self._samples = 0
        self._codec = self._open(audio_format)

    @staticmethod
    def _open(audio_format: AudioFormat) -> AudioCodecContext:
        codec = AudioCodecContext.create(audio_format.encoder, "w")
        codec.sample_rate = audio_format.rate_hz
        codec.layout = "mono"
        codec.format = audio_format.sample_format
        codec.time_base = Fraction(1, audio_format.rate_hz)
        if audio_format.codec == "aac":
            codec.bit_rate = 32_000
            codec.flags |= av.codec.context.Flags.global_header
        codec.open()
        return codec

    @property
    def config(self) -> bytes:
        """The AudioSpecificConfig of AAC (ISO 14496-3); empty for G.711."""
        return self._codec.extradata or b""

    def _time_ns(self, sample: int) -> int:
        return self._start.media_ns + sample * 1_000_000_000 // self.format.rate_hz

    @property
    def next_media_ns(self) -> int:
        """The monotonic time at which the next block is complete."""
        return self._time_ns(self._samples + self.format.block)

    def encode(self) -> list[AudioUnit]:
        """Encode the next block; AAC returns nothing for the first, since it needs one more."""
        count = self.format.block
        offset_ns = self._time_ns(self._samples) - self._start.media_ns
        wave = tone(self._start.utc_ns + offset_ns, count, self.format.rate_hz)
        samples = (wave * 32767).astype(np.int16) if self.format.sample_format == "s16" else wave
        frame = av.AudioFrame.from_ndarray(
            samples[np.newaxis, :], format=self.format.sample_format, layout="mono"
        )
        frame.sample_rate = self.format.rate_hz
        frame.time_base = Fraction(1, self.format.rate_hz)
        frame.pts = self._samples
        self._samples += count
        units = []
        for packet in self._codec.encode(frame):
            if packet.pts is None:
                raise RuntimeError("the audio encoder gave a block without its time")
            units.append(AudioUnit(bytes(packet), self._time_ns(packet.pts)))
        return units


def config_of(codec: AudioCodec) -> bytes:
    """Return the AudioSpecificConfig a camera with this codec announces; empty for G.711."""
    return AudioEncoder(FORMATS[codec], Instant(0, 0)).config
