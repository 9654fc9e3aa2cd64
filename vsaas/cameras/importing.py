"""Cameras from a table (CSV): read and shown first, added when somebody says so.

Addresses are sealed to their agents while the table is read; what waits to be added, half an hour in Redis for whoever
brought it, holds no password.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import redis
from django.utils.translation import gettext as _

from protocol import b64
from protocol.camera_source import check_url, seal_source
from protocol.errors import ProtocolError
from sealing.ids import Stream
from tenants import access
from tenants.access import Actor
from tenants.errors import NotFound
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.models import Agent, AgentKey, AgentKeyPurpose
from vsaas.audit.services import who
from vsaas.cameras.addresses import join_credentials, split_credentials, with_scheme, wrong_in_words
from vsaas.cameras.errors import InvalidSearch
from vsaas.cameras.models import Camera
from vsaas.cameras.services import GROUPS_MAX, NewCamera, SealedAddress, cameras_add
from vsaas.common.errors import Unavailable, VsaasError
from vsaas.common.names import BadName, clean_name
from vsaas.common.redis import client

KEPT_S = 1800
ROWS_MAX = 500
TEXT_BYTES_MAX = 500_000
COLUMNS = ("name", "address", "sub_address", "user", "password", "agent", "groups")
NEEDED = ("name", "address")


@dataclass(frozen=True)
class Row:
    """One line of a table. `wrong`: why it cannot be added; else its addresses, sealed."""

    line: int
    name: str
    agent: Agent | None
    address: str
    groups: tuple[str, ...] = ()
    wrong: str = ""
    scope: UUID = field(default_factory=uuid.uuid4)
    main: SealedAddress | None = None
    sub: SealedAddress | None = None


def read_table(actor: Actor, text: str, agent: Agent | None) -> list[Row]:
    """Every line of a table. `agent`: for lines that name none. Raises InvalidSearch where it is no such table.

    The first line names the columns: `name`, `address`, and as wanted `sub_address`, `user`, `password`, `agent` (its name, or
    its site's where that has one agent), `groups` (with semicolons). Commas or semicolons part them.
    """
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise InvalidSearch(
            "table", _("the table is larger than %(most)s kB") % {"most": TEXT_BYTES_MAX // 1000}
        )
    lines = text.removeprefix("\ufeff").strip()
    head = lines.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(lines), delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        names = [name.strip().lower() for name in reader.fieldnames or []]
        _check_columns(names)
        reader.fieldnames = names
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InvalidSearch("table", _("line %(line)s cannot be read") % {"line": reader.line_num}) from error
    if not rows:
        raise InvalidSearch("table", _("the table has no line below its first"))
    if len(rows) > ROWS_MAX:
        raise InvalidSearch("table", _("at most %(most)s cameras are taken at once") % {"most": ROWS_MAX})
    return _Reading(actor, agent).all(rows)


def _check_columns(names: list[str]) -> None:
    lacking = [name for name in NEEDED if name not in names]
    if lacking:
        raise InvalidSearch(
            "table", _("the first line names no column %(names)s") % {"names": ", ".join(lacking)}
        )
    strange = [name[:40] for name in names if name not in COLUMNS]
    if strange:
        raise InvalidSearch(
            "table",
            _("the first line names columns that are not known: %(names)s; known are %(known)s")
            % {"names": ", ".join(strange), "known": ", ".join(COLUMNS)},
        )


class _Reading:
    def __init__(self, actor: Actor, agent: Agent | None) -> None:
        agents = access.visible(
            actor, CAMERA_EDIT, Agent.objects.filter(revoked_at=None).select_related("site")
        )
        self._agents = list(agents)
        self._agent = agent
        boxes = AgentKey.objects.filter(purpose=AgentKeyPurpose.BOX, agent__in=self._agents)
        self._boxes = {key.agent_id: bytes(key.public_key) for key in boxes}
        self._names: set[tuple[UUID, str]] = set(
            Camera.objects.filter(deleted_at=None).values_list("site_id", "name")
        )

    def all(self, rows: Iterable[tuple[int, dict[Any, Any]]]) -> list[Row]:
        return [self._row(line, row) for line, row in rows]

    def _row(self, line: int, cells: dict[Any, Any]) -> Row:
        def cell(name: str, *, strip: bool = True) -> str:
            value = str(cells.get(name) or "")
            return value.strip() if strip else value

        address, user, password = split_credentials(cell("address"))
        shown = with_scheme(address)
        row = Row(line, cell("name")[:200], None, shown[:200])
        try:
            if None in cells:
                raise InvalidSearch("table", _("the line has more fields than the first line names"))
            agent = self._agent_of(cell("agent"))
            name = self._name(cell("name"), agent)
            groups = self._groups(cell("groups"))
            scope = uuid.uuid4()
            login = (cell("user") or user, cell("password", strip=False) or password)
            main = self._sealed(agent, scope, Stream.MAIN, shown, login)
            sub_address = with_scheme(split_credentials(cell("sub_address"))[0])
            sub = self._sealed(agent, scope, Stream.SUB, sub_address, login) if sub_address else None
        except InvalidSearch as error:
            return Row(line, row.name, None, row.address, wrong=error.message)
        return Row(line, name, agent, row.address, groups, "", scope, main, sub)

    def _agent_of(self, named: str) -> Agent:
        if not named:
            if self._agent is None:
                raise InvalidSearch("agent", _("name an agent, or choose one for lines that name none"))
            return self._agent
        by_name = [agent for agent in self._agents if agent.name.casefold() == named.casefold()]
        found = by_name or [agent for agent in self._agents if agent.site.name.casefold() == named.casefold()]
        if len(found) == 1:
            return found[0]
        why = _("no agent and no site you may add cameras to has this name: %(name)s")
        if found:
            why = _("several agents have this name, or stand on this site: %(name)s")
        raise InvalidSearch("agent", why % {"name": named[:200]})

    def _name(self, typed: str, agent: Agent) -> str:
        try:
            name = clean_name(typed)
        except BadName as error:
            raise InvalidSearch("name", str(error)) from error
        if (agent.site_id, name) in self._names:
            raise InvalidSearch(
                "name",
                _("this site has a camera called %(camera)s already, or the table has") % {"camera": name},
            )
        self._names.add((agent.site_id, name))
        return name

    @staticmethod
    def _groups(text: str) -> tuple[str, ...]:
        names = [name for name in text.split(";") if name.strip()]
        if len(names) > GROUPS_MAX:
            raise InvalidSearch("groups", _("a camera is in at most %(most)s groups") % {"most": GROUPS_MAX})
        try:
            return tuple(clean_name(name) for name in names)
        except BadName as error:
            raise InvalidSearch("groups", str(error)) from error

    def _sealed(
        self, agent: Agent, scope: UUID, stream: Stream, address: str, login: tuple[str, str]
    ) -> SealedAddress:
        try:
            check_url(address)
            url = join_credentials(address, *login)
            sealed = seal_source(agent.tenant_id, scope, stream, url, self._boxes[agent.id])
        except ProtocolError as error:
            raise InvalidSearch("address", wrong_in_words(error)) from None
        return SealedAddress(sealed, urlsplit(address).scheme)


def keep(actor: Actor, rows: list[Row]) -> UUID:
    """Keeps what was read until it is added. Raises Unavailable."""
    batch = uuid.uuid4()
    document = {"account": str(actor.account_id), "rows": [_row_json(row) for row in rows]}
    try:
        client().set(_key(actor, batch), json.dumps(document), ex=KEPT_S)
    except redis.RedisError as error:
        raise Unavailable(_("the table cannot be kept now: Redis does not answer; try again")) from error
    return batch


def kept(actor: Actor, batch: UUID) -> list[Row]:
    """One's own table that was read. Raises NotFound, Unavailable."""
    try:
        found = client().get(_key(actor, batch))
    except redis.RedisError as error:
        raise Unavailable(_("the table cannot be read now: Redis does not answer; try again")) from error
    document = json.loads(found) if found is not None else {}
    if document.get("account") != str(actor.account_id):
        raise NotFound()
    agents = access.visible(actor, CAMERA_EDIT, Agent.objects.select_related("site"))
    by_id = {str(agent.id): agent for agent in agents}
    named = {row["agent"] for row in document["rows"] if row["agent"]}
    if named and not named & by_id.keys():
        raise NotFound()  # read with more rights than the actor has now, or this token lends
    return [_row_of(row, by_id) for row in document["rows"]]


def add_rows(actor: Actor, rows: list[Row]) -> dict[UUID, Camera | VsaasError]:
    """Adds every line that is right and not there yet, by agent; for each the camera, or why it was not added."""
    done: dict[UUID, Camera | VsaasError] = {}
    by_agent: dict[UUID, list[Row]] = {}
    there = set(Camera.objects.filter(id__in=[row.scope for row in rows]).values_list("id", flat=True))
    for row in rows:
        if row.agent is not None and not row.wrong and row.scope not in there:
            by_agent.setdefault(row.agent.id, []).append(row)
    for group in by_agent.values():
        assert group[0].agent is not None
        added = cameras_add(group[0].agent, [_new_camera(row) for row in group], who(actor))
        done |= {row.scope: one for row, one in zip(group, added, strict=True)}
    return done


def _new_camera(row: Row) -> NewCamera:
    assert row.main is not None
    return NewCamera(row.name, row.main, row.sub, groups=row.groups, id=row.scope)


def _key(actor: Actor, batch: UUID) -> str:
    return f"vsaas:camera-import:{actor.tenant_id}:{batch}"


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "line": row.line,
        "name": row.name,
        "agent": None if row.agent is None else str(row.agent.id),
        "address": row.address,
        "groups": list(row.groups),
        "wrong": row.wrong,
        "scope": str(row.scope),
        "main": _sealed_json(row.main),
        "sub": _sealed_json(row.sub),
    }


def _row_of(row: dict[str, Any], agents: dict[str, Agent]) -> Row:
    agent = agents.get(row["agent"] or "")
    wrong = row["wrong"]
    if not wrong and agent is None:
        wrong = _("you may no longer add cameras to this agent")
    main, sub = _sealed_of(row["main"]), _sealed_of(row["sub"])
    groups = tuple(row["groups"])
    return Row(row["line"], row["name"], agent, row["address"], groups, wrong, UUID(row["scope"]), main, sub)


def _sealed_json(address: SealedAddress | None) -> list[str] | None:
    return None if address is None else [b64.encode(address.sealed), address.scheme]


def _sealed_of(pair: list[str] | None) -> SealedAddress | None:
    return None if pair is None else SealedAddress(b64.decode(pair[0]), pair[1])
