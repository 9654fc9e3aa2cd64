import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.onebox.listening import listening_ports, with_children
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.places import SERVICE_USER
from vsaas.onebox.postgres import Postgres
from vsaas.onebox.processes import Identity


@pytest.fixture(scope="module")
def shared() -> Iterator[Postgres]:
    """One server for the tests that only look at it."""
    with tempfile.TemporaryDirectory(prefix="vsaas-t-") as name:
        yield from running(Path(name))


@pytest.fixture
def postgres(folder: Path) -> Iterator[Postgres]:
    """A server of one test's own, which it may stop, kill and break."""
    yield from running(folder)


def running(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "data", settings={"fsync": "off"})
    server.start()
    server.ensure_roles()
    yield server
    server.destroy()


def connect(server: Postgres, role: str, database: str = "vsaas") -> psycopg.Connection:
    return psycopg.connect(server.url(role, database), connect_timeout=5)


def test_the_app_role_owns_nothing_and_makes_nothing(shared: Postgres) -> None:
    for role in ("vsaas_app", "vsaas_maint"):
        with connect(shared, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE intruder (id int)")


def test_the_owner_makes_tables_and_cannot_step_around_row_level_security(shared: Postgres) -> None:
    with connect(shared, "vsaas_owner") as connection:
        connection.execute("CREATE TABLE t (id int)")
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, False, False, False)


@pytest.mark.parametrize("database", ["vsaas", "vsaas_keys"])
def test_both_databases_exist_and_belong_to_the_owner(shared: Postgres, database: str) -> None:
    with connect(shared, "vsaas_owner", database) as connection:
        row = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("vsaas_owner",)


def test_a_wrong_password_is_refused(shared: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(user="vsaas_app", password="guess", host=str(shared.run_dir), dbname="vsaas")


def test_the_app_role_cannot_enter_the_maintenance_database(shared: Postgres) -> None:
    shared.create_database("other")
    with psycopg.connect(shared.url("postgres", "other"), autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(user="stranger", password="stranger", host=str(shared.run_dir), dbname="other")


def test_it_listens_on_no_tcp_port(shared: Postgres) -> None:
    assert shared.program is not None
    assert listening_ports(with_children(shared.program.pid)) == set()


def test_passwords_never_stand_on_the_command_line_or_in_the_log(shared: Postgres) -> None:
    assert shared.program is not None
    words = Path(f"/proc/{shared.program.pid}/cmdline").read_text()
    for role in ("postgres", "vsaas_owner", "vsaas_maint", "vsaas_app"):
        assert shared.passwords.get(role) not in words + shared.log.read_text()


def test_folders_and_password_file_are_closed_to_others(shared: Postgres) -> None:
    for path in (shared.real_data_dir(), shared.run_dir):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(shared.passwords.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.log.stat().st_mode) == 0o600


def test_data_and_roles_survive_a_restart(postgres: Postgres) -> None:
    with connect(postgres, "vsaas_owner") as connection:
        connection.execute("CREATE TABLE kept (id int)")
    postgres.stop()
    assert not postgres.ready()
    postgres.start()
    postgres.ensure_roles()
    with connect(postgres, "vsaas_owner") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_it_starts_again_after_kill_9(postgres: Postgres) -> None:
    assert postgres.program is not None
    os.kill(postgres.program.pid, signal.SIGKILL)
    postgres.start()
    with connect(postgres, "vsaas_app") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_left_over_by_a_dead_supervisor_is_stopped_first(postgres: Postgres) -> None:
    assert postgres.program is not None
    left_over = Identity.of(postgres.program.pid)
    assert left_over is not None
    first = postgres.program
    postgres.program = None  # as if the process that started it had died
    postgres.start()
    assert not left_over.alive()
    first.stop()


def test_a_kill_during_its_first_start_leaves_nothing_half_made(folder: Path) -> None:
    server = Postgres(folder / "data", settings={"fsync": "off"})
    server.prepare()
    data = server.real_data_dir()
    data.rename(data.with_name(data.name + ".new"))  # the state in which initdb ran and the rename did not
    (data.with_name(data.name + ".new") / "PG_VERSION").unlink()
    if server.data_dir.is_symlink():
        server.data_dir.unlink()
    server.start()
    assert server.ready()
    server.destroy()


def test_destroy_leaves_nothing(folder: Path) -> None:
    server = Postgres(folder / "data", settings={"fsync": "off"})
    server.start()
    data = server.real_data_dir()
    server.destroy()
    assert not data.exists()
    assert not server.data_dir.is_symlink()
    assert not server.run_dir.exists()


def test_started_by_root_it_runs_as_another_user_and_opens_no_folder_above(folder: Path) -> None:
    """As an ordinary user it simply runs as that user; what is asserted holds in both cases."""
    deep = folder / "private"
    deep.mkdir(mode=0o700)
    server = Postgres(deep / "data", settings={"fsync": "off"})
    server.start()
    try:
        assert server.program is not None
        owner = Path(f"/proc/{server.program.pid}").stat().st_uid
        assert owner != 0
        if os.geteuid() == 0:
            assert server.user is not None
            assert server.user.pw_name == SERVICE_USER
            assert (deep / "data").is_symlink()
        assert stat.S_IMODE(deep.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        server.destroy()


def test_a_socket_folder_that_is_too_long_is_named(folder: Path) -> None:
    server = Postgres(folder / "data", folder / ("x" * 100))
    with pytest.raises(OneboxError, match=r"cannot put a socket at .*choose a shorter folder"):
        server.start()


def test_a_data_folder_it_cannot_use_is_said_with_the_log(postgres: Postgres) -> None:
    postgres.stop()
    (postgres.real_data_dir() / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(
        OneboxError, match=r"cannot start PostgreSQL: it ended with status 1; .*\.log ends with"
    ):
        postgres.start()
