"""What the API tells of keys."""

from pydantic import BaseModel, Field

from vsaas.common.shapes import B64, Fingerprint


class StatementsReply(BaseModel):
    """The root's fingerprint, and every signed statement in order (SPEC 7). Public keys only."""

    root_fingerprint: Fingerprint
    statements: list[B64] = Field(description="COSE_Sign1, signed by the root.")


STATEMENTS = {
    "root_fingerprint": "7d4f1c0e5a8b9263d1e4f7a0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c0",
    "statements": ["0oRDoQEnoFhA", "0oRDoQEnoFhB"],
}
