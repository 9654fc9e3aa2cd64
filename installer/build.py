"""The agent's files for one architecture, and what is made of them: a .deb, a single file.

**A plain folder under /usr/lib**, neither a venv nor a zip. A venv is bound to one version of Python and to the machine
it was made on, and what is compiled cannot be loaded out of a zip. The libraries' compiled parts carry the version of
Python in their file names, so those for every supported version lie side by side, and one package per architecture
serves Debian 12 and 13, Ubuntu 24.04 and Raspberry Pi OS. The system's own Python runs it and is kept safe by the
system's updates.

**Depends on the architecture**: the compiled parts of cryptography, cffi, cbor2, google-crc32c, websockets and av (with
FFmpeg's libraries in it). They come as wheels for either, so both packages are built on any machine.

Compressed with zstd, which every dpkg that goes with these Pythons reads, and in a tenth of xz's time.
Wheels are those of `edge_agent/requirements.lock`, checked by hash; nothing else is fetched.
After a change of `edge_agent/requirements.txt` the lock is made anew: `make lock`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge_agent import __version__
from protocol import b64

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "edge_agent" / "requirements.lock"
DEBIAN: Final = Path(__file__).resolve().parent / "debian"
PACKAGES: Final = ("edge_agent", "protocol", "sealing")
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_GLIBC: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_LIBRARY: Final = Path("usr/lib/vsaas-agent")
_PLACES: Final = {
    "agent.toml": (Path("etc/vsaas-agent/agent.toml"), 0o644),
    "vsaas-agent": (Path("usr/bin/vsaas-agent"), 0o755),
    "vsaas-agent.service": (Path("usr/lib/systemd/system/vsaas-agent.service"), 0o644),
    "vsaas-agent-update.service": (Path("usr/lib/systemd/system/vsaas-agent-update.service"), 0o644),
    "vsaas-agent-update.path": (Path("usr/lib/systemd/system/vsaas-agent-update.path"), 0o644),
    "vsaas-agent-update": (Path("usr/lib/vsaas-agent-update/start"), 0o755),
    "sysusers.conf": (Path("usr/lib/sysusers.d/vsaas-agent.conf"), 0o644),
    "tmpfiles.conf": (Path("usr/lib/tmpfiles.d/vsaas-agent.conf"), 0o644),
    "copyright": (Path("usr/share/doc/vsaas-agent/copyright"), 0o644),
}
_SCRIPTS: Final = ("postinst", "prerm", "postrm")


class BuildError(Exception):
    """Nothing was built; the text says why and what to do."""


def build_deb(
    architecture: str, folder: Path, pythons: Sequence[str] = PYTHONS, *, release_keys: Sequence[bytes] = ()
) -> Path:
    """Build the package for one architecture into a folder; returns its path. Raises BuildError.

    `release_keys`: it takes updates that these sign; without any it does not update itself.
    """
    if shutil.which("dpkg-deb") is None:
        raise BuildError("dpkg-deb is missing: build on Debian or Ubuntu, or install the package dpkg")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"vsaas-agent_{__version__}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as work:
        root = Path(work) / "root"
        gather(architecture, root / _LIBRARY, pythons)
        _pin(root / _LIBRARY, release_keys)
        for name, (place, mode) in _PLACES.items():
            _place(DEBIAN / name, root / place, mode)
        for page in ("agent.md", "camera-passwords.md"):
            _place(ROOT / "docs" / page, root / "usr/share/doc/vsaas-agent" / page, 0o644)
        _control(root, architecture, pythons)
        _run(
            ["dpkg-deb", "--build", "--root-owner-group", "-Zzstd", "-z6", str(root), str(target)],
            SOURCE_DATE_EPOCH=source_time(),
        )
    return target


def build_single(architecture: str, folder: Path, *, release_keys: Sequence[bytes] = ()) -> Path:
    """Build one executable file for one architecture, which any Python of `PYTHONS` runs. Raises BuildError.

    A zipapp made by shiv, which unpacks itself once into ~/.shiv (or SHIV_ROOT), since compiled parts cannot be loaded
    out of a zip. PyInstaller would bring a Python of its own, which no system's updates reach, and would have to be
    built on each architecture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"vsaas-agent-{__version__}-{architecture}.pyz"
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        gather(architecture, tree)
        _pin(tree, release_keys)
        command = [
            sys.executable,
            "-m",
            "shiv",
            "--site-packages",
            str(tree),
            "--compressed",
            "--reproducible",
        ]
        command += ["--entry-point", "edge_agent.__main__:main", "--python", "/usr/bin/env python3"]
        _run([*command, "--output-file", str(target)], SOURCE_DATE_EPOCH=source_time())
    return target


def lock() -> Path:
    """Resolve the agent's requirements anew into the lock, for every supported Python. Raises BuildError."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--upgrade", "--python-version", PYTHONS[0]]
    _run([*command, "--output-file", str(LOCK), str(LOCK.with_suffix(".txt"))])
    return LOCK


def gather(architecture: str, folder: Path, pythons: Sequence[str] = PYTHONS) -> None:
    """The agent and its libraries for these Pythons, in one folder. Raises BuildError."""
    if re.search(r"python_(full_)?version", LOCK.read_text()):
        raise BuildError(
            f"{LOCK.name} holds a library for some versions of Python only: pip would judge by its own"
        )
    with tempfile.TemporaryDirectory() as wheels:
        for version in pythons:
            _download(MACHINES[architecture], version, Path(wheels))
        for wheel in sorted(Path(wheels).iterdir()):
            _unpack(wheel, folder)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "vectors"))
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _pin(tree: Path, release_keys: Sequence[bytes]) -> None:
    """Put the release keys whose updates are taken where the program reads them."""
    if release_keys:
        target = tree / "edge_agent" / "release-keys"
        target.write_text("".join(f"{b64.encode(key)}\n" for key in release_keys))
        target.chmod(0o644)


def _download(machine: str, python: str, wheels: Path) -> None:
    platforms = [word for glibc in _GLIBC for word in ("--platform", f"{glibc}_{machine}")]
    wanted = ["--requirement", str(LOCK), "--require-hashes", "--no-deps", "--only-binary=:all:"]
    made_for = ["--implementation", "cp", "--python-version", python, *platforms]
    _run([sys.executable, "-m", "pip", "--quiet", "download", "--dest", str(wheels), *wanted, *made_for])


def _unpack(wheel: Path, folder: Path) -> None:
    """Put a wheel's files (PEP 427) beside those of the others. Raises BuildError where two disagree."""
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            path = Path(item.filename)
            if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(".data"):
                raise BuildError(
                    f"{wheel.name} holds {item.filename}, which has no place here: unpack it by its own rules"
                )
            target = folder / path
            # Two wheels of one library for two Pythons: notes of the installation differ, code must not.
            if item.is_dir() or path.name == "RECORD" or (path.name == "WHEEL" and target.exists()):
                continue
            data = archive.read(item)
            if target.exists() and target.read_bytes() != data:
                raise BuildError(f"{path} differs between versions of Python: build one package for each")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _control(root: Path, architecture: str, pythons: Sequence[str]) -> None:
    size_bytes = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    values = {
        "VERSION": __version__,
        "ARCHITECTURE": architecture,
        "SIZE_KB": str(size_bytes // 1024),
        "PYTHON_FIRST": pythons[0],
        "PYTHON_AFTER": f"3.{int(pythons[-1].removeprefix('3.')) + 1}",
    }
    control = re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], (DEBIAN / "control").read_text())
    folder = root / "DEBIAN"
    folder.mkdir(mode=0o755)
    (folder / "control").write_text(control)
    _place(DEBIAN / "conffiles", folder / "conffiles", 0o644)
    for name in _SCRIPTS:
        _place(DEBIAN / name, folder / name, 0o755)


def _place(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def source_time() -> str:
    """Seconds since 1970 that every file's time is set to: the same source gives the same package."""
    set_time = os.environ.get("SOURCE_DATE_EPOCH")
    if set_time:
        return set_time
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return said if said.isdecimal() else str(int(time.time()))


def _run(command: Sequence[str], **environment: str) -> None:
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
