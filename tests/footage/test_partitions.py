"""Day partitions: made ahead by the maintenance role alone, and rows that came too late for one are not lost."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from django.conf import settings
from django.db import ProgrammingError, connection

from tenants.scope import tenant_scope
from tenants.sight import Sight
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.cast import owner_connection
from vsaas.common import clock
from vsaas.footage import partitions
from vsaas.footage.models import Record, RecordBody
from vsaas.footage.timeline import timeline

DAY = dt.timedelta(days=1)


def partition_names() -> set[str]:
    with owner_connection() as owner:
        rows = owner.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'footage_record'::regclass"
        ).fetchall()
    return {row[0] for row in rows}


def test_two_weeks_are_ready_and_making_them_again_makes_nothing(database: None):
    partitions.ensure_partitions()
    assert partitions.ensure_partitions() == 0
    today = clock.now().date()
    wanted = {f"footage_record_{today + n * DAY:%Y%m%d}" for n in range(15)}
    assert wanted <= partition_names()


def test_rows_in_the_default_partition_move_to_one_of_their_own(agent: AgentSim):
    day = clock.now().date() - 100 * DAY
    noon_us = clock.to_us(dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC))
    stream, _ = recorded(agent, noon_us, 3)
    assert f"footage_record_{day:%Y%m%d}" not in partition_names()
    assert partitions.ensure_partitions() >= 2
    assert f"footage_record_{day:%Y%m%d}" in partition_names()
    with tenant_scope(agent.tenant):
        assert Record.objects.filter(day=day, kind=2).count() == 3
        assert RecordBody.objects.filter(day=day).count() == 4
        runs = timeline({stream.camera: Sight((None,), 0, None)}, 1, noon_us, noon_us + 60 * SECOND)[
            stream.camera
        ].runs
    assert [run.row() for run in runs] == [[noon_us, noon_us + 30 * SECOND, "recorded", None]]
    assert agent.record(stream, [stream.segment(noon_us + 30 * SECOND)]).results[0].error is None


def test_the_portals_role_makes_no_partitions_and_reads_none(agent: AgentSim):
    partitions.ensure_partitions()
    name = f"footage_record_{clock.now().date():%Y%m%d}"
    for statement in (
        "SELECT make_partitions(current_date, current_date, current_date)",
        f"SELECT count(*) FROM {name}",
        "SELECT count(*) FROM footage_record_default",
        "DELETE FROM footage_record",
        "TRUNCATE footage_record",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            tenant_scope(agent.tenant),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_the_maintenance_role_reads_no_footage(database: None):
    address = settings.ENV.maint_database_url.get_secret_value()
    with psycopg.connect(address) as maintenance, pytest.raises(psycopg.errors.InsufficientPrivilege):
        maintenance.execute("SELECT count(*) FROM footage_record")
