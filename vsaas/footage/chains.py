"""Chains as the portal knows them: their tips, and whether a new one goes on from the right place."""

from dataclasses import replace
from uuid import UUID

from django.db import connection

from sealing.chain import Tip as ChainTip
from sealing.ids import GenesisReason
from sealing.record import Genesis
from tenants.scope import current_tenant_id
from vsaas.agents.tips import SignedUntil, Tip
from vsaas.footage import acts
from vsaas.footage.models import Chain


def tips_of_agent(agent_id: UUID, most: int | None, until: SignedUntil | None = None) -> list[Tip]:
    """Tips of an agent's newest chains (None: of all), newest first; inside its tenant's scope. With `until` as
    `vsaas.agents.tips.register_tip_source` says."""
    rows = Chain.objects.filter(agent_id=agent_id).order_by("-opened_us")[:most]
    tips = [
        Tip(row.chain.bytes, row.camera_id, row.stream, row.head_seq, bytes(row.head_hash)) for row in rows
    ]
    return tips if until is None else _signed_until(tips, until)


def _signed_until(tips: list[Tip], until: SignedUntil) -> list[Tip]:
    """Each chain's last record before the first that claims a later time: what stands behind one could not be trusted without
    trusting it as well."""
    after = {tip.chain: until.after(tip.chain) for tip in tips}
    tips = [tip for tip in tips if tip.seq > after[tip.chain]]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH late AS (
                SELECT r.chain, min(r.seq) AS seq FROM footage_record r
                JOIN unnest(%s::uuid[], %s::bigint[]) AS asked (chain, after) USING (chain)
                WHERE r.tenant_id = %s AND r.seq > asked.after AND r.claimed_us > %s GROUP BY r.chain
            )
            SELECT late.chain, late.seq, r.hash FROM late
            LEFT JOIN footage_record r ON r.tenant_id = %s AND r.chain = late.chain AND r.seq = late.seq - 1
            """,
            [
                [UUID(bytes=tip.chain) for tip in tips],
                [after[tip.chain] for tip in tips],
                current_tenant_id(),
                until.us,
                current_tenant_id(),
            ],
        )
        late = {chain.bytes: (seq - 1, digest) for chain, seq, digest in cursor.fetchall()}
    kept = [tip for tip in tips if tip.chain not in late]
    for tip in tips:
        seq, digest = late.get(tip.chain, (0, None))
        if digest is not None and seq > after[tip.chain]:
            kept.append(replace(tip, seq=seq, hash=bytes(digest)))
    return kept


def newest_chains(agent_id: UUID, cameras: set[UUID]) -> dict[tuple[UUID, int], bytes]:
    """The chain each stream of these cameras was last recorded in, by camera and stream."""
    rows = (
        Chain.objects.filter(agent_id=agent_id, camera_id__in=cameras)
        .order_by("camera_id", "stream", "-opened_us")
        .distinct("camera_id", "stream")
    )
    return {(row.camera_id, row.stream): row.chain.bytes for row in rows}


def mismatch(genesis: Genesis, newest: ChainTip | None) -> str:
    """Why a new chain does not go on from what the portal knows, or "" when it does.

    A restored disk or a cloned box shows here: it names an older tip, another hash, or none at all. A tip newer than
    ours is no mismatch: those records may still come.
    """
    if newest is None:
        return ""
    follows, known = genesis.follows, newest.chain.hex()
    if follows is None:
        return acts.FOLLOWS_NOTHING % {"known": known, "seq": newest.seq}
    if follows.chain != newest.chain:
        return acts.FOLLOWS_OTHER_CHAIN % {"chain": follows.chain.hex(), "known": known}
    if follows.seq < newest.seq:
        return acts.FOLLOWS_OLDER % {"seq": follows.seq, "known": known, "newest": newest.seq}
    if follows.seq == newest.seq and follows.hash != newest.hash:
        return acts.FOLLOWS_OTHER_RECORD % {"seq": follows.seq, "known": known}
    if genesis.reason == GenesisReason.TIP_MISMATCH:
        return acts.SAYS_SO_ITSELF
    return ""
