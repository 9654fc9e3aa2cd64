"""`make test`, `make lint`, `make bench` and `make messages`: installs what is missing, runs, and says how long each part took.

Usage: python -m vsaas.onebox.checks {packages|test|lint|bench|messages}
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from vsaas.onebox import nodebuild, weaknesses
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.gobuild import MINIO, VERSITYGW, build
from vsaas.onebox.messages import messages
from vsaas.onebox.postgres import OWNER, Postgres
from vsaas.onebox.progress import begin, say

ROOT = Path(__file__).resolve().parent.parent.parent
FRONTEND = ROOT / "frontend"
POLICY = Path("/usr/sbin/policy-rc.d")
DEBIAN_PACKAGES = (
    "chromium",
    "nginx-light",
    "rsyslog",
    "rsyslog-gnutls",
    "ffmpeg",
    "mmdebstrap",
    "systemd-container",
    "opencv-doc",
    "python3-gi",
    "gir1.2-gst-rtsp-server-1.0",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-ugly",
)


def test() -> None:
    """Every test, or those `TESTS` names: the front end's with vitest, the rest with pytest.

    With `CI` set a skipped test is a failure: there nothing may be missing.
    """
    with phase("system packages"):
        install_debian_packages()
    with phase("object stores"):
        for program in (VERSITYGW, MINIO):
            build(program)
    with phase("front end"):
        nodebuild.build(FRONTEND)
        if not os.environ.get("TESTS"):
            nodebuild.show(FRONTEND, ["test"], "the front end's tests fail")
    say("tests")
    pytest(shlex.split(os.environ.get("TESTS", "")))  # its own closing line comes last, with its minutes


def pytest(chosen: Sequence[str]) -> None:
    """pytest on one process more than there are cores (`tests/scheduling.py`); raises when a test fails, or is skipped in CI."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            str((os.cpu_count() or 1) + 1),
            "--dist",
            "loadgroup",
            f"--junit-xml={report.name}",
        ]
        code = subprocess.run([*command, *chosen], cwd=ROOT, env=tool_environment()).returncode
        if code:
            raise OneboxError("tests fail; what and why stands above")
        if os.environ.get("CI"):
            refuse_skipped(Path(report.name))


def refuse_skipped(report: Path) -> None:
    """Raises when pytest's report counts a skipped test."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 written by our own pytest
    skipped = sum(int(suite.get("skipped", "0")) for suite in suites)
    if skipped:
        raise OneboxError(f"{skipped} tests were skipped, which CI does not accept: install what they name")


def lint() -> None:
    """Style, types, layers, weaknesses, migrations, and the front end's types; every check runs, then the failed are named."""
    nodebuild.install(FRONTEND)
    checks: dict[str, Callable[[], int]] = {
        "ruff check": lambda: tool("ruff", "check", "."),
        "ruff format": lambda: tool("ruff", "format", "--check", "."),
        "mypy": lambda: tool("mypy", env=placeholder_settings()),
        "layers": lambda: subprocess.run([str(beside_python("lint-imports"))], cwd=ROOT).returncode,
        "bandit": lambda: weaknesses.check(ROOT),
        "migrations": missing_migrations,
        "tsc": lambda: nodebuild.status(FRONTEND, ["run", "check"]),
    }
    failed = []
    for name, check in checks.items():
        with phase(name):
            if check():
                failed.append(name)
    if failed:
        raise OneboxError(f"not clean: {', '.join(failed)}; the findings stand above")


def bench() -> None:
    """Runs every benchmark and prints the table; tests/bench writes var/bench.json."""
    install_debian_packages()
    build(VERSITYGW)
    nodebuild.build(FRONTEND)
    chosen = shlex.split(os.environ.get("BENCH", ""))
    if subprocess.run(
        [sys.executable, "-m", "tests.bench", *chosen], cwd=ROOT, env=tool_environment()
    ).returncode:
        raise OneboxError("a benchmark failed; why stands above")


def install_debian_packages() -> None:
    """Installs the missing packages as root on Debian; elsewhere says which, and what cannot be tested without."""
    missing = [name for name in DEBIAN_PACKAGES if not installed(name)]
    if not missing:
        return
    wish = f"apt-get install {' '.join(missing)}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        say(f"missing here, tests that need them will say so: as root on Debian: {wish}")
        return
    say(f"installing {' '.join(missing)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with starting_no_services(), tempfile.TemporaryFile("w+") as output:
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            result = subprocess.run(["apt-get", "-qq", *words], env=env, stdout=output, stderr=output)
            if result.returncode:
                output.seek(0)
                raise OneboxError(f"`{wish}` failed: {output.read().strip()[-800:]}")


@contextmanager
def starting_no_services() -> Iterator[None]:
    """Has Debian start nothing of what it installs: nginx is wanted as a program, not as a server on port 80.

    What says so is Debian's own policy-rc.d (invoke-rc.d(8)); one that is there already stays as it is.
    """
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def installed(package: str) -> bool:
    """Whether a Debian package is installed; False where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return False
    command = ["dpkg-query", "--show", "--showformat=${Status}", package]
    return subprocess.run(command, capture_output=True, text=True).stdout == "install ok installed"


def missing_migrations() -> int:
    """`manage.py makemigrations --check` against a database made for it."""
    with tempfile.TemporaryDirectory(prefix="vsaas-lint-") as folder:
        postgres = Postgres(Path(folder) / "postgres")
        postgres.start()
        try:
            postgres.ensure_roles()
            databases = {
                "VSAAS_DATABASE_URL": postgres.url(OWNER, "vsaas"),
                "VSAAS_KEYS_DATABASE_URL": postgres.url(OWNER, "vsaas_keys"),
            }
            command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
            return subprocess.run(command, cwd=ROOT, env=placeholder_settings() | databases).returncode
        finally:
            postgres.destroy()


def placeholder_settings() -> dict[str, str]:
    """Settings good enough to load the models (the type checker's Django plug-in does); they lead nowhere."""
    nowhere = "postgresql://nobody:nothing@/none?host=/nowhere"
    return tool_environment() | {
        "VSAAS_SECRET_KEY": "only for checks that load the models",
        "VSAAS_PUBLIC_URL": "http://127.0.0.1:8400",
        "VSAAS_LIVE_URL": "ws://127.0.0.1:8401",
        "VSAAS_DATABASE_URL": nowhere,
        "VSAAS_KEYS_DATABASE_URL": nowhere,
        "VSAAS_REDIS_URL": "unix:///nowhere/valkey.sock",
        "VSAAS_S3_ENDPOINT": "http://127.0.0.1:8402",
        "VSAAS_S3_PUBLIC_ENDPOINT": "http://127.0.0.1:8402",
        "VSAAS_S3_REGION": "us-east-1",
        "VSAAS_S3_BUCKET": "none",
        "VSAAS_S3_ACCESS_KEY": "none",
        "VSAAS_S3_SECRET_KEY": "none",
        "VSAAS_KMS": "keyfile:/nowhere/kms.key",
        "VSAAS_ALLOWED_HOSTS": "127.0.0.1",
        "VSAAS_INSECURE_COOKIES": "1",
    }


def tool(*words: str, env: Mapping[str, str] | None = None) -> int:
    """Runs a Python module as a tool; its exit status."""
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=env or tool_environment()).returncode


def beside_python(name: str) -> Path:
    """A script of the virtual environment."""
    return Path(sys.executable).parent / name


def tool_environment() -> dict[str, str]:
    """This environment with the virtual environment's scripts first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Says how many minutes a part took, also when it fails."""
    say(name)
    began = time.monotonic()
    try:
        yield
    finally:
        print(f"          {name}: {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Runs one of the commands; 0 when all is well."""
    commands: dict[str, Callable[[], None]] = {
        "packages": install_debian_packages,
        "test": test,
        "lint": lint,
        "bench": bench,
        "messages": messages,
    }
    if len(arguments) != 1 or arguments[0] not in commands:
        print(f"usage: python -m vsaas.onebox.checks {{{'|'.join(commands)}}}", file=sys.stderr)
        return 2
    begin()
    try:
        commands[arguments[0]]()
    except OneboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
