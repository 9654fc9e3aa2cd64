"""`manage.py check` grades the installation; owners read on the page `health` what concerns them."""

from __future__ import annotations

import io
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import override_settings
from pydantic import SecretStr

from tenants.models import Membership, OrganisationRole
from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from tests.boxes import make_box, make_keys
from tests.cast import Cast, make_account, sign_in
from vsaas.accounts.models import SignInPolicy
from vsaas.agents.models import Agent
from vsaas.audit.services import record_act, system
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.keys.acts import KEY_STORE_COPIED
from vsaas.keys.kms import create_key_file


def env(**changes: object) -> override_settings:
    return override_settings(ENV=settings.ENV.model_copy(update=changes))


def grades(about: str = "installation") -> dict[str, dict[str, Any]]:
    """The command's rows by key."""
    out = io.StringIO()
    call_command("check", "--json", stdout=out)
    return {row["key"]: row for row in json.loads(out.getvalue())["findings"] if row["about"] == about}


@pytest.fixture
def sound(cast: Cast, tmp_path: Path) -> dict[str, object]:
    """Settings with nothing to complain about, but for addresses that would be asked over the network."""
    tmp_path.chmod(0o700)
    keys, audit = tmp_path / "keys", tmp_path / "audit"
    for folder in (keys, audit):
        folder.mkdir(mode=0o700)
    create_key_file(keys / "kms.key")
    (audit / "audit.key").write_bytes(Path(settings.ENV.audit_key).read_bytes())
    (audit / "audit.key").chmod(0o600)
    return {
        "secret_key": SecretStr("kY3!" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2),
        "kms": f"keyfile:{keys / 'kms.key'}",
        "audit_key": str(audit / "audit.key"),
        "smtp_url": "smtps://portal@mail.example.org",
    }


def test_a_sound_installation_is_good_but_for_what_runs_on_loopback(sound: dict[str, object]) -> None:
    with env(**sound):
        found = grades()
    weak = {key for key, row in found.items() if row["grade"] != "good"}
    assert weak <= {"address.portal", "address.live", "address.store", "cookies", "hsts", "backup"}
    assert found["database.default.role"]["found"] == "bound by row-level security"
    assert found["clock"]["grade"] == "good"
    assert all(row["remedy"] for row in found.values() if row["grade"] != "good")


@pytest.mark.parametrize(
    ("changes", "key", "grade"),
    [
        ({"public_url": "http://portal.example.org"}, "address.portal", "bad"),
        ({"s3_endpoint": "http://store.example.org"}, "address.store-inside", "bad"),
        ({"allowed_hosts": ["*"]}, "hosts", "bad"),
        ({"redis_url": SecretStr("redis://cache.example.org:6379")}, "redis", "bad"),
        ({"redis_url": SecretStr("redis://:x@cache.example.org:6379")}, "redis", "bad"),
        ({"redis_url": SecretStr("rediss://:x@cache.example.org:6379")}, "redis", "good"),
        ({"secret_key": SecretStr("a" * 60)}, "secret-key", "bad"),
        ({"secret_key": SecretStr("abcdefghijklmnopqrstuvwxyz0123456")}, "secret-key", "weak"),
        ({"secret_key": SecretStr(secrets.token_hex(16))}, "secret-key", "weak"),
        ({"secret_key": SecretStr(secrets.token_hex(32))}, "secret-key", "good"),
        ({"secret_key": SecretStr(secrets.token_urlsafe(32))}, "secret-key", "good"),  # as `make up` makes it
        ({"smtp_url": None}, "mail", "weak"),
        ({"audit_key": None}, "audit-key", "weak"),
        ({"kms": "keyfile:/nowhere/kms.key"}, "key-file", "bad"),
        ({"metrics_token_file": "/nowhere/token"}, "metrics", "bad"),
        ({"log_level": "DEBUG"}, "log", "weak"),
    ],
)
def test_each_weakness_is_found(
    sound: dict[str, object], changes: dict[str, object], key: str, grade: str
) -> None:
    with env(**(sound | changes)):
        assert grades()[key]["grade"] == grade


def test_a_key_file_in_a_bad_place_is_told(sound: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "keys" / "portal.dump").touch()
    with env(**sound):
        assert "portal.dump" in grades()["key-file"]["found"]
    (tmp_path / "keys").chmod(0o777)
    with env(**sound):
        assert "others may write" in grades()["key-file"]["found"]
    with env(**(sound | {"audit_key": str(tmp_path / "keys" / "kms.key")})):
        assert grades()["audit-key"]["grade"] == "bad"  # not an audit key at all


def test_a_server_that_cannot_be_asked_or_shows_a_wrong_certificate_is_a_finding(
    sound: dict[str, object],
) -> None:
    with env(**(sound | {"public_url": "https://127.0.0.1:1"})):
        assert grades()["certificate.127.0.0.1:1"]["grade"] == "weak"


def test_exit_status_follows_the_worst_grade_when_asked(sound: dict[str, object]) -> None:
    out = io.StringIO()
    with env(**sound):
        call_command("check", stdout=out)
        assert "WEAK  Connection to the portal: not encrypted" in out.getvalue()
        assert "→ " in out.getvalue()
        with pytest.raises(SystemExit, match="3"):
            call_command("check", "--fail-on", "weak", stdout=io.StringIO())


def test_as_checks_of_the_framework(sound: dict[str, object]) -> None:
    with env(**(sound | {"allowed_hosts": ["*"]})):
        found = {one.id: one for one in run_checks(tags=["installation"], include_deployment_checks=True)}
    assert found["installation.hosts"].is_serious()
    assert not found["installation.cookies"].is_serious()
    assert found["installation.cookies"].hint


def test_owners_and_backups_of_each_organisation(cast: Cast) -> None:
    about = f"organisation {cast.tenant_a.slug}"
    assert grades(about)["owners"]["grade"] == "weak"
    with tenant_scope(cast.tenant_a.id):
        make_account("Second", OWNER)
        record_act(KEY_STORE_COPIED, system("make backup"))
    assert grades(about)["owners"]["found"] == "2 persons"
    assert grades()["backup"]["grade"] == "good"
    with tenant_scope(cast.tenant_b.id):
        Membership.objects.all().delete()
    assert grades(f"organisation {cast.tenant_b.slug}")["owners"]["grade"] == "bad"


def add_camera(cast: Cast, url: str) -> str:
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id, keys=True):
        agent = Agent.objects.get(id=box.agent_id)
        return str(camera_add(agent, NewCamera("Gate east", url), system("tests")).id)


def test_a_camera_says_how_it_is_protected(cast: Cast, object_store_server: None, pages: None) -> None:
    camera = add_camera(cast, "rtsp://user:secret@192.0.2.1/main")
    alice, slug = sign_in(cast.alice), cast.tenant_a.slug
    page = alice.get(f"/t/{slug}/cameras/{camera}").content.decode()
    for words in ("Camera link not encrypted", "Sealed", "Signed", "Not encrypted, this machine alone"):
        assert words in page
    assert "How it is protected" in alice.get(f"/t/{slug}/cameras/{camera}/settings").content.decode()
    api = {"VSaaS-Tenant": slug, "Accept": "application/json"}
    row = alice.get(f"/api/v1/cameras/{camera}", headers=api).json()
    assert row["protection"] == {
        "link": "plain",
        "storage": "sealed",
        "signature": "signed",
        "transport": "this-machine",
    }
    assert grades(f"organisation {slug}")["camera-links"]["grade"] == "weak"
    body = {"main_url": "rtsps://192.0.2.1/main"}
    changed = alice.patch(
        f"/api/v1/cameras/{camera}", json.dumps(body), content_type="application/json", headers=api
    )
    assert changed.status_code == 200, changed.content
    assert alice.get(f"/api/v1/cameras/{camera}", headers=api).json()["protection"]["link"] == "encrypted"
    assert "Camera link not encrypted" not in alice.get(f"/t/{slug}/cameras/{camera}").content.decode()
    assert grades(f"organisation {slug}")["camera-links"]["grade"] == "good"


def test_kinds_of_factor_that_are_weak(cast: Cast) -> None:
    about = f"organisation {cast.tenant_a.slug}"
    sound = grades(about)["second-factors"]
    assert (sound["grade"], sound["found"]) == ("good", "always required: Authenticator app, Passkey")
    with tenant_scope(cast.tenant_a.id):
        SignInPolicy.objects.create(kinds=["app", "email-code"])
    weak = grades(about)["second-factors"]
    assert (weak["grade"], weak["found"]) == ("weak", "Authenticator app, Code by e-mail")
    with tenant_scope(cast.tenant_a.id):
        OrganisationRole.objects.create(key="viewer", factor_kinds=["email-code"])
    bad = grades(about)["second-factors"]
    assert (bad["grade"], bad["found"]) == ("bad", "Viewer: codes that are sent, and nothing stronger")


def test_owners_read_what_concerns_them_and_nobody_else_does(cast: Cast, pages: None) -> None:
    slug = cast.tenant_a.slug
    page = sign_in(cast.alice).get(f"/t/{slug}/health").content.decode()
    assert "Security of the installation" in page
    assert "Only one: nobody else can act when they cannot" in page
    for secret in ("kms.key", "vsaas_app", settings.ENV.kms, "Redis"):
        assert secret not in page
    olga = sign_in(cast.olga).get(f"/t/{slug}/health")
    assert olga.status_code == 200
    assert "Security of the installation" not in olga.content.decode()
