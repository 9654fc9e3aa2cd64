"""What the API tells of people, invitations, one's own account and sessions."""

from typing import Any

from pydantic import BaseModel, Field

from vsaas.common.shapes import Id, Micros, Next

_ROLE = "Key of the role, as `GET /api/v1/roles` lists them."


class NamedSite(BaseModel):
    """A site."""

    id: Id
    name: str


class NamedCamera(BaseModel):
    """A camera."""

    id: Id
    name: str


class Grant(BaseModel):
    """A role, or its denial: on one site, on the cameras of one group, on one camera, or (all of them empty) everywhere."""

    role: str = Field(description=f'{_ROLE} "" in a denial: everything.')
    site: NamedSite | None
    group: str | None = Field(description="Name of a group of cameras.")
    camera: NamedCamera | None
    denies: bool = Field(description="The role's rights are taken there, whatever else gives them.")


class MemberReply(BaseModel):
    """Somebody with an account."""

    id: Id
    name: str
    email: str
    grants: list[Grant]
    second_factor: bool = Field(description="Whether one is set up.")
    created_us: Micros
    last_seen_us: Micros | None


class MemberPage(BaseModel):
    """Members."""

    items: list[MemberReply]
    next: Next


class FreshnessReply(BaseModel):
    """Until when the session may do what takes a factor given a moment ago."""

    fresh_until_us: Micros


class InvitationReply(BaseModel):
    """An open invitation, without its link."""

    id: Id
    name: str
    email: str
    role: str = Field(description=_ROLE)
    all_sites: bool
    sites: list[NamedSite]
    invited_by: str = Field(description="Name of the person who invited.")
    created_us: Micros
    expires_us: Micros
    expired: bool


class InvitationPage(BaseModel):
    """Open invitations."""

    items: list[InvitationReply]
    next: Next


class InvitationMade(InvitationReply):
    """An invitation with its link, which is told in this reply and never again."""

    link: str


class FactorLink(BaseModel):
    """A one-time link, told in this reply and never again."""

    link: str


class Ended(BaseModel):
    """How many sessions ended."""

    ended: int


class SlowdownReply(BaseModel):
    """A sign-in that waits after too many attempts."""

    step: str = Field(
        description="What was tried too often; account: passwords, from all places it was never signed in from.",
        json_schema_extra={"enum": ["password", "account", "factor"]},
    )
    place: str | None = Field(
        description="The network, `a known browser` or `anywhere`; null: every place it was never signed in from."
    )
    until_us: Micros


class SlowdownPage(BaseModel):
    """What slows a member's sign-in, the longest first."""

    items: list[SlowdownReply]
    next: Next


class Lifted(BaseModel):
    """From how many places it was slowed down."""

    lifted: int


class PasswordChanged(BaseModel):
    """How many other sessions ended."""

    sessions_ended: int


class OwnGrant(BaseModel):
    """A role of yours, or its denial: on one site, group or camera, or (all of them null) everywhere."""

    role: str = Field(description=_ROLE)
    site: Id | None = Field(description="Id of the site.")
    group: str | None = Field(description="Name of a group of cameras.")
    camera: Id | None = Field(description="Id of the camera.")
    denies: bool


class AccountReply(BaseModel):
    """Who you are here."""

    id: Id
    name: str
    email: str
    language: str | None = Field(
        description="Of pages and messages; null: as the browser or program says (Accept-Language)."
    )
    grants: list[OwnGrant]
    permissions: list[str] = Field(description="What you may do somewhere.")
    created_us: Micros


class MemberSessionReply(BaseModel):
    """A browser somebody is signed in with."""

    id: Id
    device: str
    network: str
    created_us: Micros
    last_seen_us: Micros
    expires_us: Micros
    second_factor_given: bool


class MemberSessionPage(BaseModel):
    """The sessions of a member, the last used first."""

    items: list[MemberSessionReply]
    next: Next


class SessionReply(MemberSessionReply):
    """A browser you are signed in with."""

    this: bool = Field(description="Whether this request came with it.")


class SessionPage(BaseModel):
    """Your sessions."""

    items: list[SessionReply]
    next: Next


_SITE = {"id": "019ac0f0-77aa-7b21-8c3d-4e5f60718293", "name": "Berlin office"}
MEMBER: dict[str, Any] = {
    "id": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6",
    "name": "Bob",
    "email": "bob@example.org",
    "grants": [{"role": "viewer", "site": _SITE, "group": None, "camera": None, "denies": False}],
    "second_factor": True,
    "created_us": 1763900000000000,
    "last_seen_us": 1764064980000000,
}
INVITATION: dict[str, Any] = {
    "id": "019ac106-4e5f-7061-8273-8d9e0f1a2b3c",
    "name": "Nora",
    "email": "nora@example.org",
    "role": "viewer",
    "all_sites": True,
    "sites": [],
    "invited_by": "Alice",
    "created_us": 1764064990000000,
    "expires_us": 1764669790000000,
    "expired": False,
}
ACCOUNT: dict[str, Any] = {
    "id": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6",
    "name": "Alice",
    "email": "alice@example.org",
    "language": None,
    "grants": [{"role": "owner", "site": None, "group": None, "camera": None, "denies": False}],
    "permissions": ["camera:playback", "camera:view"],
    "created_us": 1763900000000000,
}
SESSION: dict[str, Any] = {
    "id": "019ac107-5f60-7172-8384-9e0f1a2b3c4d",
    "device": "Firefox on Linux",
    "network": "192.0.2.9",
    "created_us": 1764050400000000,
    "last_seen_us": 1764064980000000,
    "expires_us": 1764655200000000,
    "second_factor_given": True,
    "this": True,
}
SLOWDOWN = {"step": "password", "place": "203.0.113.7", "until_us": 1764065800000000}
MEMBER_SESSION = {name: value for name, value in SESSION.items() if name != "this"}
