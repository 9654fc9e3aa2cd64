"""First step of `make up`, `make test` and the rest, run with the system's Python before anything is installed.

Makes `.venv` in the checkout, installs what the requirements name (a second time only when they changed), then
runs the real command in it. Standard library only, and readable by old Pythons, so that they can be told apart.
Usage: python3 vsaas/onebox/bootstrap.py {app|dev} MODULE [ARGUMENT ...]
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MINIMUM = (3, 11)
NEWER_NAMES = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = {
    "app": ("requirements.txt", "edge_agent/requirements.txt"),
    "dev": ("requirements-dev.txt", "requirements.txt", "edge_agent/requirements.txt"),
}
NETWORK_SIGNS = (
    "name resolution",
    "Name or service not known",
    "Network is unreachable",
    "NewConnectionError",
    "ConnectTimeoutError",
    "Connection refused",
    "Max retries exceeded",
    "from versions: none",
)


class Missing(Exception):
    """Something this machine lacks: one sentence with what to install."""


def main(arguments: list[str]) -> int:
    """Prepares the environment and becomes the wanted command; returns only when something is missing."""
    if len(arguments) < 2 or arguments[0] not in REQUIREMENTS:
        sys.stderr.write("usage: python3 vsaas/onebox/bootstrap.py {app|dev} MODULE [ARGUMENT ...]\n")
        return 2
    try:
        check_system()
        use_newer_python()
        prepare(arguments[0])
    except Missing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped before everything was installed; the next run continues\n")
        return 130
    os.chdir(ROOT)
    sys.stdout.flush()
    python = str(VENV / "bin" / "python")
    os.execv(python, [python, "-m", *arguments[1:]])  # noqa: S606 the virtual environment's own interpreter


def check_system() -> None:
    """Raises Missing where the system is not one this runs on."""
    if not sys.platform.startswith("linux"):
        raise Missing(
            f"this runs on Linux only (here: {sys.platform}); use a Linux machine, container or WSL 2"
        )


def use_newer_python() -> None:
    """Continues with a newer Python on PATH when this one is too old; raises Missing when there is none."""
    if sys.version_info[:2] >= MINIMUM:
        return
    for name in NEWER_NAMES:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, *sys.argv])  # noqa: S606 same script, newer interpreter
    have = ".".join(str(number) for number in sys.version_info[:3])
    raise Missing(
        f"Python 3.11 or newer is needed, this is {have}: install it with: apt-get install python3.11 python3.11-venv"
    )


def prepare(kind: str) -> None:
    """Makes the virtual environment and installs the requirements of `kind`, where that was not done before."""
    wanted = stamp_of(kind)
    stamp = VENV / f".installed-{kind}"
    if stamp.exists() and stamp.read_text() == wanted and works():
        return
    make_venv()
    install(kind)
    stamp.write_text(wanted)
    if kind == "dev":
        (VENV / ".installed-app").write_text(stamp_of("app"))


def stamp_of(kind: str) -> str:
    """What decides whether an installation is still the right one: Python's version and the requirement files."""
    digest = hashlib.sha256(sys.version.encode())
    for name in REQUIREMENTS[kind]:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def works() -> bool:
    """Whether the virtual environment starts and has pip."""
    try:
        command = [str(VENV / "bin" / "python"), "-c", "import pip"]
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    """Makes `.venv`, anew when what is there does not work."""
    if works():
        return
    for module in ("venv", "ensurepip"):  # Debian splits them off
        if importlib.util.find_spec(module) is None:
            raise Missing(
                f"Python's {module} module is missing: install it with: "
                f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            )
    say("making the virtual environment .venv")
    result = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True
    )
    if result.returncode:
        raise Missing(
            f"cannot make the virtual environment {VENV}: {(result.stdout + result.stderr).strip()}"
        )


def install(kind: str) -> None:
    """Installs the requirements; raises Missing with one sentence when there is no network."""
    say(f"installing Python packages ({REQUIREMENTS[kind][0]}); the first time takes a minute or two")
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries", "2"]
    with tempfile.TemporaryFile("w+") as output:
        wanted = ["--requirement", str(ROOT / REQUIREMENTS[kind][0])]
        code = subprocess.run([*command, *wanted], stdout=output, stderr=output, cwd=ROOT).returncode
        output.seek(0)
        said = output.read()
    if code and any(sign in said for sign in NETWORK_SIGNS):
        raise Missing(
            "cannot reach the Python package index: connect this machine to the network "
            "(or point pip at a mirror or proxy), then run the same command again"
        )
    if code:
        raise Missing(f"cannot install the Python packages: {said.strip()[-1500:]}")


def say(line: str) -> None:
    """One progress line with the seconds since the command began, shared with the command that follows."""
    began = float(os.environ.setdefault("VSAAS_ONEBOX_BEGAN", str(time.time())))
    sys.stdout.write(f"[{time.time() - began:5.1f} s] {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
