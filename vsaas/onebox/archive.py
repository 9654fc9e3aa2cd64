"""The form of a backup file: a tar file of three members.

    README              how to open it by hand
    identity.age        a key made for this file alone, encrypted with the passphrase
    data.tar.age        a tar file of everything, encrypted to that key

Both encryptions are age (https://age-encryption.org/v1; passphrases through scrypt), so `tar` and `age` open it without
this program. Two steps, because age takes a whole file into memory where it encrypts by passphrase alone. Extended
attributes, in which the object store keeps an object's version and metadata, travel as GNU tar writes them.
"""

import io
import os
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyrage

from vsaas.onebox.errors import OneboxError

IDENTITY, DATA = "identity.age", "data.tar.age"
README = """A backup of hosted video management. To open it by hand, with the passphrase it was made with:

    tar xf THIS_FILE
    age --decrypt --identity identity.age data.tar.age | tar x --xattrs --xattrs-include='user.*'

To restore it: make restore FROM=THIS_FILE
"""
BLOCK = 512
XATTR = "SCHILY.xattr."
PIECE = 1024 * 1024
LONGEST_IDENTITY = 64 * 1024


class Contents:
    """What is being written: members are added one after the other."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.count = 0
        self.size_bytes = 0

    def add_bytes(self, name: str, data: bytes) -> None:
        """A member of these bytes."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        self._add(info, io.BytesIO(data))

    def add_file(self, name: str, path: Path) -> None:
        """A file with its time and `user.` attributes; of one that grows meanwhile, what it held at the beginning."""
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            info = tarfile.TarInfo(name)
            info.size, info.mode = found.st_size, 0o600
            info.mtime = found.st_mtime
            info.pax_headers = _attributes(path)
            self._add(info, file)

    def add_tree(self, name: str, folder: Path, skip: Callable[[Path], bool] = lambda path: False) -> None:
        """A folder and what is in it, folders before their contents. What vanishes meanwhile is left out."""
        self._add_folder(name, folder)
        for entry in sorted(folder.iterdir()):
            if skip(entry):
                continue
            try:
                found = entry.lstat()
                if stat.S_ISDIR(found.st_mode):
                    self.add_tree(f"{name}/{entry.name}", entry, skip)
                elif stat.S_ISREG(found.st_mode):
                    self.add_file(f"{name}/{entry.name}", entry)
            except FileNotFoundError:
                continue  # deleted between the listing and now

    def _add_folder(self, name: str, folder: Path) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o700
        info.pax_headers = _attributes(folder)
        self._add(info, None)

    def _add(self, info: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        self._tar.addfile(info, content)
        self.count += 1
        self.size_bytes += info.size


@contextmanager
def writing(target: Path, passphrase: str) -> Iterator[Contents]:
    """Makes the file `target` (0600) of what is added inside the block: whole, or not at all, and never over another.

    Raises OneboxError when it is there already or cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise OneboxError(
            f"another backup is being written to {partial}, or one was interrupted: if none runs, delete that file"
        ) from None
    except OSError as error:
        raise OneboxError(f"cannot write {target}: {error.strerror}; choose another place with TO=") from None
    try:
        with os.fdopen(descriptor, "w+b") as out:
            with _sealed(out, passphrase) as contents:
                yield contents
            out.flush()
            os.fsync(out.fileno())
        _publish(partial, target)
    except OSError as error:
        raise OneboxError(f"cannot write {target}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _publish(partial: Path, target: Path) -> None:
    try:
        os.link(partial, target)  # unlike a rename it never replaces a file
    except FileExistsError:
        raise OneboxError(f"{target} is there already and is not overwritten: choose another TO=") from None


@contextmanager
def _sealed(out: IO[bytes], passphrase: str) -> Iterator[Contents]:
    """The three members; `data.tar.age` gets its header last, when its size is known."""
    identity = pyrage.x25519.Identity.generate()
    _member(out, "README", README.encode())
    _member(out, IDENTITY, pyrage.passphrase.encrypt(f"{identity}\n".encode(), passphrase))
    header_at = out.tell()
    out.write(bytes(BLOCK))
    recipients = [identity.to_public()]
    with (
        _piped(lambda source: pyrage.encrypt_io(source, out, recipients)) as sink,
        tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=PIECE) as tar,
    ):
        yield Contents(tar)
    out.seek(0, os.SEEK_END)
    info = _outer(DATA, out.tell() - header_at - BLOCK)
    out.write(bytes(-info.size % BLOCK + 2 * BLOCK))
    out.seek(header_at)
    out.write(info.tobuf(tarfile.GNU_FORMAT))


def _member(out: IO[bytes], name: str, data: bytes) -> None:
    out.write(_outer(name, len(data)).tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % BLOCK))


def _outer(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


@contextmanager
def _piped(consume: Callable[[IO[bytes]], Any]) -> Iterator[IO[bytes]]:
    """A file to write to, whose other end `consume` reads in a thread. Raises what `consume` raised."""
    read_end, write_end = os.pipe()
    failures: list[BaseException] = []

    def work() -> None:
        with os.fdopen(read_end, "rb") as source:
            try:
                consume(source)
            except BaseException as error:  # noqa: BLE001  raised again below, in the thread that waits
                failures.append(error)

    thread = threading.Thread(target=work, name="archive")
    thread.start()
    try:
        with os.fdopen(write_end, "wb") as sink:
            yield sink
    except BrokenPipeError:
        if not failures:
            thread.join()
        if not failures:
            raise
    finally:
        thread.join()
    if failures:
        raise failures[0]


def _attributes(path: Path) -> dict[str, str]:
    """The `user.` attributes of a file as tar's extended headers."""
    return {
        XATTR + name: os.getxattr(path, name).decode("utf-8", "surrogateescape")
        for name in os.listxattr(path)
        if name.startswith("user.")
    }


@contextmanager
def reading(source: Path, passphrase: str) -> Iterator[tarfile.TarFile]:
    """The inner tar as a stream, opened. Only when the block has ended without an error was all of it authentic.

    Raises OneboxError for another kind of file, a wrong passphrase, and damage.
    """
    try:
        with tarfile.open(source) as outer:
            sealed_identity, data = outer.extractfile(IDENTITY), outer.extractfile(DATA)
            assert sealed_identity is not None, "extractfile gives None for no plain file"
            assert data is not None, "extractfile gives None for no plain file"
            identity = _open_identity(source, sealed_identity.read(LONGEST_IDENTITY), passphrase)
            with (
                _pulled(lambda sink: _decrypt(data, sink, identity)) as plain,
                tarfile.open(fileobj=plain, mode="r|", bufsize=PIECE) as tar,
            ):
                yield tar
    except FileNotFoundError:
        raise OneboxError(f"there is no file {source}: name the backup with FROM=") from None
    except (KeyError, AssertionError):
        raise OneboxError(f"{source} is no backup of this system") from None
    except (tarfile.TarError, EOFError) as error:
        raise OneboxError(
            f"{source} is damaged or was cut short ({error}): nothing was changed; use another copy"
        ) from error


def _decrypt(data: IO[bytes], sink: IO[bytes], identity: Any) -> None:
    """Raises ReadError for what is damaged, which age's library reports as an error of input; BrokenPipeError when
    nobody reads any further."""
    try:
        pyrage.decrypt_io(data, sink, [identity])
    except BrokenPipeError:
        raise
    except (OSError, pyrage.DecryptError) as error:
        raise tarfile.ReadError(str(error)) from error


def _open_identity(source: Path, sealed: bytes, passphrase: str) -> Any:
    try:
        text = pyrage.passphrase.decrypt(sealed, passphrase).decode().strip()
    except pyrage.DecryptError:
        raise OneboxError(f"this passphrase does not open {source}: nothing was changed") from None
    return pyrage.x25519.Identity.from_str(text)


@contextmanager
def _pulled(produce: Callable[[IO[bytes]], Any]) -> Iterator[IO[bytes]]:
    """A file to read from, whose other end `produce` fills in a thread. What is left unread is read to its end, so that
    an error at the very end is raised as well."""
    read_end, write_end = os.pipe()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with os.fdopen(write_end, "wb") as sink:
                produce(sink)
        except BaseException as error:  # noqa: BLE001  raised again below, in the thread that waits
            failures.append(error)

    thread = threading.Thread(target=work, name="archive")
    thread.start()
    whole = False
    try:
        with os.fdopen(read_end, "rb") as source:
            yield source
            while source.read(PIECE):
                continue
        whole = True
    finally:
        thread.join()
        if failures and (whole or not isinstance(failures[0], BrokenPipeError)):
            raise failures[0]


def unpack(member: tarfile.TarInfo, tar: tarfile.TarFile, folder: Path) -> Path:
    """Writes one member below `folder` (files 0600, folders 0700), with its time and attributes; returns its path.

    Raises OneboxError for a name that leads out of the folder, and for anything but files and folders.
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        raise OneboxError(f"the backup holds {member.name!r}, which no backup of this system does")
    path = folder / name
    for part in (name if member.isdir() else name.parent).parts:
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True)
    if member.isfile():
        content = tar.extractfile(member)
        assert content is not None, "a plain file has content"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while piece := content.read(PIECE):
                out.write(piece)
    for key, value in member.pax_headers.items():
        if key.startswith(f"{XATTR}user."):
            os.setxattr(path, key.removeprefix(XATTR), value.encode("utf-8", "surrogateescape"))
    if member.isfile():
        os.utime(path, (float(member.mtime), float(member.mtime)))
    return path
