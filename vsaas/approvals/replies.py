"""What the API tells of approvals."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from vsaas.common.shapes import Id, Micros, Next


class Requester(BaseModel):
    """Who asked."""

    id: Id
    name: str


class MayDo(BaseModel):
    """What you may do with it now."""

    decide: bool
    withdraw: bool


class ApprovalReply(BaseModel):
    """Something a person asked for that a second one must approve."""

    id: Id
    act: str = Field(description="Name of the act, such as `session.sign-in`.")
    sentence: str
    about: list[str] = Field(description="What would change, line by line.")
    requester: Requester
    reason: str = Field(description="What the requester typed; may be empty.")
    network: str
    device: str
    state: Literal["waiting", "approved", "used", "refused", "withdrawn", "expired"]
    asked_us: Micros
    expires_us: Micros
    decided_by: str | None
    decided_us: Micros | None
    valid_until_us: Micros | None = Field(description="Until when an approved sign-in lets its session in.")
    break_glass: bool = Field(description="Whether a break-glass code let it in, and nobody approved.")
    digest: str = Field(
        description="SHA-256 of what an approval covers; send it back with the approval.",
        pattern="^[0-9a-f]{64}$",
    )
    may: MayDo


class ApprovalPage(BaseModel):
    """Requests, the newest first."""

    items: list[ApprovalReply]
    next: Next


class ApprovalPolicyReply(BaseModel):
    """What the organisation demands a second person for."""

    roles: list[str] = Field(description="Keys of the roles whose holders need approval to sign in.")
    roles_need_second: bool = Field(description="Whether changes of roles need a second person.")
    sign_in_holds_s: int = Field(description="How long an approved sign-in lasts, in seconds.")
    waiting: Id | None = Field(
        description="The request that must be approved before the change is made; null: it is made."
    )


APPROVAL: dict[str, Any] = {
    "id": "019ac10a-1b2c-7d3e-8f40-5162738495a6",
    "act": "session.sign-in",
    "sentence": "Nils wants to sign in",
    "about": ["Signs in as: Operator"],
    "requester": {"id": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6", "name": "Nils"},
    "reason": "night shift",
    "network": "192.0.2.9",
    "device": "Firefox on Linux",
    "state": "waiting",
    "asked_us": 1764064980000000,
    "expires_us": 1764065580000000,
    "decided_by": None,
    "decided_us": None,
    "valid_until_us": None,
    "break_glass": False,
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "may": {"decide": True, "withdraw": False},
}
POLICY: dict[str, Any] = {
    "roles": ["operator"],
    "roles_need_second": True,
    "sign_in_holds_s": 28800,
    "waiting": None,
}
