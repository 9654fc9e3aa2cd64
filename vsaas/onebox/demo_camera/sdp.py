"""The session description (RFC 4566) of a stream."""

import base64

from vsaas.onebox.demo_camera.audio import AudioFormat
from vsaas.onebox.demo_camera.config import VideoSettings
from vsaas.onebox.demo_camera.video import ParameterSets

VIDEO_PAYLOAD_TYPE = 96
VIDEO_CLOCK_HZ = 90_000


def _video(settings: VideoSettings, sets: ParameterSets) -> list[str]:
    encoded = ",".join(base64.b64encode(nal).decode() for nal in (sets.sps, sets.pps))
    return [
        f"m=video 0 RTP/AVP {VIDEO_PAYLOAD_TYPE}",
        f"b=AS:{settings.bitrate_bps // 1000}",
        f"a=rtpmap:{VIDEO_PAYLOAD_TYPE} H264/{VIDEO_CLOCK_HZ}",
        f"a=fmtp:{VIDEO_PAYLOAD_TYPE} packetization-mode=1;profile-level-id={sets.profile_level_id};"
        f"sprop-parameter-sets={encoded}",
        f"a=framerate:{settings.fps}",
        "a=control:trackID=0",
    ]


def _audio(audio: AudioFormat, config: bytes) -> list[str]:
    number = audio.payload_type
    lines = [f"m=audio 0 RTP/AVP {number}"]
    if audio.codec == "aac":
        lines += [
            f"a=rtpmap:{number} MPEG4-GENERIC/{audio.rate_hz}/1",
            f"a=fmtp:{number} streamtype=5;profile-level-id=1;mode=AAC-hbr;config={config.hex()};"
            "sizelength=13;indexlength=3;indexdeltalength=3",
        ]
    else:
        lines.append(f"a=rtpmap:{number} {audio.codec.upper()}/{audio.rate_hz}")
    return [*lines, "a=control:trackID=1"]


def describe(
    host: str,
    version: int,
    settings: VideoSettings,
    sets: ParameterSets,
    audio: tuple[AudioFormat, bytes] | None,
) -> bytes:
    """Return the SDP of a stream; `audio` is its format and AudioSpecificConfig, None where there is none."""
    family = "IP6" if ":" in host else "IP4"
    lines = [
        "v=0",
        f"o=- 1 {version} IN {family} {host}",
        "s=Demo camera",
        f"c=IN {family} {'::' if family == 'IP6' else '0.0.0.0'}",  # noqa: S104 (nothing is bound: "any")
        "t=0 0",
        "a=range:npt=now-",
        "a=control:*",
        *_video(settings, sets),
    ]
    if audio is not None:
        lines += _audio(*audio)
    return ("\r\n".join(lines) + "\r\n").encode()
