"""Chains as the portal knows them: their tips, and whether a new one goes on from the right place."""

from uuid import UUID

from sealing.chain import Tip as ChainTip
from sealing.ids import GenesisReason
from sealing.record import Genesis
from vsaas.agents.tips import Tip
from vsaas.footage import acts
from vsaas.footage.models import Chain


def tips_of_agent(agent_id: UUID, most: int | None) -> list[Tip]:
    """Tips of an agent's newest chains (None: of all), newest first; inside its tenant's scope."""
    rows = Chain.objects.filter(agent_id=agent_id).order_by("-opened_us")[:most]
    return [
        Tip(row.chain.bytes, row.camera_id, row.stream, row.head_seq, bytes(row.head_hash)) for row in rows
    ]


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
