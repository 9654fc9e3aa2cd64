"""What the API tells of roles, of what grants come to, and of what a change would alter."""

from typing import Any

from pydantic import BaseModel, Field

from vsaas.accounts.people_replies import MEMBER, Grant, NamedCamera, NamedSite
from vsaas.common.shapes import Id, Micros, Next


class RoleReply(BaseModel):
    """A role: what its holders may do where they have it."""

    key: str = Field(description="What grants name.")
    title: str
    built_in: bool = Field(description="Comes with the product; its permissions cannot be changed.")
    permissions: list[str]
    version: int = Field(description="Grows with every change.")
    members: int = Field(description="How many people have it, or its denial, somewhere.")


class RolePage(BaseModel):
    """Roles, the built-in ones first."""

    items: list[RoleReply]
    next: Next


class EffectReply(BaseModel):
    """What some people would gain or lose."""

    permission: str
    gained: bool
    people: list[str] = Field(description="Names of the people.")
    places: list[str] = Field(description="Names of the cameras, or of the sites, concerned.")
    everywhere: bool = Field(description="All there are, or a right over the organisation.")
    sentence: str


class EffectsReply(BaseModel):
    """What a change would alter. Nothing was changed."""

    effects: list[EffectReply]


class ReasonReply(BaseModel):
    """Whether a permission is held at the place asked for, and why."""

    permission: str
    sentence: str
    allowed: bool
    now: bool = Field(description="Whether it is allowed at the moment: the hours of roles have a say in it.")
    opens_us: Micros | None = Field(
        description="When it is allowed next; null when it is now, or at no time that is planned."
    )
    given_by: list[Grant]
    taken_by: list[Grant]


class Place(BaseModel):
    """Where: a site, a camera, or (both null) the organisation as a whole."""

    site: NamedSite | None
    camera: NamedCamera | None


class RightsReply(BaseModel):
    """What a member may do at a place, and why."""

    place: Place
    rights: list[ReasonReply]


class CameraPerson(BaseModel):
    """Somebody who may do something with a camera, or from whom all of it is taken there."""

    id: Id
    name: str
    rights: list[ReasonReply]


class CameraPeople(BaseModel):
    """Who may do what with a camera, by name."""

    items: list[CameraPerson]
    next: Next


ROLE: dict[str, Any] = {
    "key": "reception",
    "title": "Reception",
    "built_in": False,
    "permissions": ["camera:live", "camera:view"],
    "version": 1,
    "members": 3,
}
EFFECTS: dict[str, Any] = {
    "effects": [
        {
            "permission": "camera:playback",
            "gained": False,
            "people": ["Bob", "Nora", "Tim"],
            "places": ["Gate 2"],
            "everywhere": False,
            "sentence": "Bob, Nora, Tim can no longer watch a camera's recordings: Gate 2",
        }
    ]
}
REASON: dict[str, Any] = {
    "permission": "camera:live",
    "sentence": "watch a camera live",
    "allowed": True,
    "now": False,
    "opens_us": 1_763_967_600_000_000,
    "given_by": MEMBER["grants"],
    "taken_by": [],
}
RIGHTS: dict[str, Any] = {
    "place": {"site": None, "camera": {"id": "019ac0f1-8c5d-7e6f-9a0b-1c2d3e4f5a6b", "name": "Gate 2"}},
    "rights": [REASON],
}
CAMERA_PERSON: dict[str, Any] = {"id": MEMBER["id"], "name": "Bob", "rights": [REASON]}
