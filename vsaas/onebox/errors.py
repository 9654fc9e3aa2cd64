"""What the one-machine set-up says when it cannot go on."""


class OneboxError(Exception):
    """One sentence or two: what failed, on which object, and the next step. Holds no secret."""
