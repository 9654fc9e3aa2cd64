"""The key file: made once, closed to others, and what it wraps opens in its place alone."""

import os
import uuid

import pytest

from vsaas.keys.errors import KmsError
from vsaas.keys.kms import KeyFileKms, WrapContext, create_key_file, key_file_of

TENANT = uuid.uuid4()
CONTEXT = WrapContext("root", TENANT, b"k" * 16)
KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "kms.key"
    assert create_key_file(path)
    return path


def test_what_is_wrapped_opens_again_and_never_looks_the_same(path):
    kms = KeyFileKms(path)
    first, second = kms.wrap(KEY, CONTEXT), kms.wrap(KEY, CONTEXT)
    assert first != second
    assert KEY not in first
    assert kms.unwrap(first, CONTEXT) == kms.unwrap(second, CONTEXT) == KEY
    assert KeyFileKms(path).unwrap(first, CONTEXT) == KEY


@pytest.mark.parametrize(
    "other",
    [
        WrapContext("command", TENANT, b"k" * 16),
        WrapContext("root", uuid.uuid4(), b"k" * 16),
        WrapContext("root", TENANT, b"x" * 16),
    ],
)
def test_a_wrapped_key_opens_for_no_other_purpose_tenant_or_key_id(path, other):
    kms = KeyFileKms(path)
    with pytest.raises(KmsError, match="altered, or is another's"):
        kms.unwrap(kms.wrap(KEY, CONTEXT), other)


def test_any_altered_byte_is_noticed(path):
    kms = KeyFileKms(path)
    blob = kms.wrap(KEY, CONTEXT)
    for place in range(len(blob)):
        altered = bytearray(blob)
        altered[place] ^= 1
        with pytest.raises(KmsError):
            kms.unwrap(bytes(altered), CONTEXT)
    for length in range(len(blob)):
        with pytest.raises(KmsError):
            kms.unwrap(blob[:length], CONTEXT)


def test_another_key_file_is_named_as_the_cause(path, tmp_path):
    blob = KeyFileKms(path).wrap(KEY, CONTEXT)
    create_key_file(tmp_path / "other.key")
    with pytest.raises(KmsError, match="wrapped under another key file"):
        KeyFileKms(tmp_path / "other.key").unwrap(blob, CONTEXT)


def test_the_file_is_made_closed_and_never_made_over(path):
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert not create_key_file(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_file_others_can_reach_is_refused(path, mode):
    path.chmod(mode)
    with pytest.raises(KmsError, match="only its owner may read"):
        KeyFileKms(path)
    with pytest.raises(KmsError, match="only its owner may read"):
        create_key_file(path)


def test_a_missing_damaged_or_odd_file_says_what_to_do(tmp_path):
    path = tmp_path / "kms.key"
    with pytest.raises(KmsError, match="kms_init"):
        KeyFileKms(path)
    with pytest.raises(KmsError, match="cannot make the key file"):
        create_key_file(tmp_path / "nowhere" / "kms.key")
    for content in (b"", b"vsaas-kms-key-v1 AAAA", b"vsaas-kms-key-v1 ???", b"other " + b"A" * 43 + b"="):
        path.write_bytes(content)
        os.chmod(path, 0o600)
        with pytest.raises(KmsError, match="damaged"):
            KeyFileKms(path)


def test_messages_hold_no_key(path):
    text = path.read_text().split()[1]
    path.chmod(0o644)
    with pytest.raises(KmsError) as caught:
        KeyFileKms(path)
    assert text not in str(caught.value)


@pytest.mark.parametrize("setting", ["keyfile:", "keyfile", "vault:x", ""])
def test_an_unknown_plug_in_is_refused(setting):
    with pytest.raises(KmsError, match="unknown KMS plug-in"):
        key_file_of(setting)
