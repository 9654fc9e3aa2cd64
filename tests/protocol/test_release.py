"""Release documents: what a program takes, and every refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.release import (
    Release,
    ReleaseFile,
    introduce_key,
    read_unverified,
    read_version,
    sign_release,
    verify_release,
)
from sealing.cose import Ed25519Signer, Purpose, sign1

OLD, NEW, OTHER = (Ed25519Signer(bytes([number]) * 32) for number in (1, 2, 3))
FILE = ReleaseFile("amd64", "deb", "vsaas-agent_1.2.0_amd64.deb", 7, bytes(32))
RELEASE = Release("1.2.0", 5, "1.0", "", (FILE,))
DOCUMENT = sign_release(RELEASE, OLD)


def refusal(document: bytes, *keys: bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        verify_release(document, keys)
    return caught.value.name


def test_a_known_key_or_one_it_introduced_signs_releases() -> None:
    assert verify_release(DOCUMENT, [OLD.public_key]) == RELEASE
    introduced = introduce_key(NEW.public_key, 1, OLD)
    assert verify_release(sign_release(RELEASE, NEW, [introduced]), [OLD.public_key]) == RELEASE
    further = introduce_key(OTHER.public_key, 2, NEW)
    assert verify_release(sign_release(RELEASE, OTHER, [introduced, further]), [OLD.public_key]) == RELEASE


def test_any_other_key_does_not() -> None:
    assert refusal(DOCUMENT) == "no-release-key"
    assert refusal(DOCUMENT, NEW.public_key) == "unknown-key"
    own = introduce_key(OTHER.public_key, 1, OTHER)
    assert refusal(sign_release(RELEASE, OTHER, [own]), OLD.public_key) == "unknown-key"
    # An introduction is no release, and an order is neither.
    from sealing.canonical import encode_canonical

    wrong = encode_canonical([[], introduce_key(NEW.public_key, 1, OLD)])
    assert refusal(wrong, OLD.public_key) == "bad-field"
    payload = encode_canonical({1: 1, 2: 1})
    assert (
        refusal(encode_canonical([[], sign1(payload, Purpose.ORDER, OLD)]), OLD.public_key) == "bad-signature"
    )


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255))
def test_any_altered_byte_is_refused(at: int, change: int) -> None:
    altered = bytearray(DOCUMENT)
    altered[at] ^= change
    with pytest.raises(ProtocolError):
        verify_release(bytes(altered), [OLD.public_key])


@given(st.integers(0, len(DOCUMENT) - 1))
def test_a_truncated_document_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError):
        read_unverified(DOCUMENT[:length])


@pytest.mark.parametrize(
    ("running", "name"), [("1.2", "older"), ("1.3", "older"), ("10.0", "older"), ("0.9.9", "too-far")]
)
def test_no_step_back_and_none_too_far(running: str, name: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        RELEASE.check_step(running)
    assert caught.value.name == name
    RELEASE.check_step("1.1.9")


def test_a_file_is_found_by_architecture_and_form() -> None:
    assert RELEASE.file_for("amd64", "deb") == FILE
    for architecture, form in (("arm64", "deb"), ("amd64", "single")):
        with pytest.raises(ProtocolError, match="other-architecture"):
            RELEASE.file_for(architecture, form)


@pytest.mark.parametrize(
    "release",
    [
        replace(RELEASE, version="1.2-beta"),
        replace(RELEASE, updates_from="1.3"),
        replace(RELEASE, files=(FILE, FILE)),
        replace(RELEASE, files=(replace(FILE, name="../passwd"),)),
        replace(RELEASE, files=(replace(FILE, form="rpm"),)),
        replace(RELEASE, files=(replace(FILE, sha256=b"short"),)),
    ],
)
def test_what_no_reader_would_take_is_not_signed(release: Release) -> None:
    with pytest.raises(ProtocolError):
        sign_release(release, OLD)


def test_versions_are_compared_by_their_numbers() -> None:
    assert read_version("1.10") > read_version("1.9.3")
    assert read_version("1.2") == read_version("1.2.0")
