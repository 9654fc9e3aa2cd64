"""What the API's reference says of a view's method. Beside the method, so that both change together.

    @describe(
        "Register a camera on an agent",
        request=NewCameraFields, request_example={"name": "Gate", "main_url": "rtsp://user:password@192.0.2.7/main"},
        reply=CameraReply, example=CAMERA, status=201,
        problems=(CameraNameTaken, AgentGone),
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        \"\"\"The first paragraphs people read under the summary.\"\"\"

`request` is a REST framework serializer or a pydantic model, `reply` a pydantic model (None: no body). A view that streams
a file names its `media_type` instead of a reply, and its example is the file's text. What every view
answers alike (401, 403, 404, 429 …, pages, entity tags, idempotency keys) is added by `vsaas.common.openapi`. A method of an
API view without this fails a test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel

from vsaas.common.errors import VsaasError

F = TypeVar("F", bound=Callable[..., Any])
ATTRIBUTE = "described"
JSON = "application/json"
_ARTICLES = {"a", "an", "the"}


@dataclass(frozen=True, slots=True)
class Described:
    """One operation of the API. `operation` is its name in generated clients."""

    summary: str
    text: str
    reply: type[BaseModel] | None
    example: Any
    status: int
    request: Any
    request_example: Any
    query: tuple[OpenApiParameter, ...]
    problems: tuple[type[VsaasError], ...]
    paged: bool
    media_type: str = JSON

    @property
    def is_file(self) -> bool:
        """Whether it answers with a file, streamed: no schema but text, and no entity tag, since nobody holds it whole."""
        return self.media_type != JSON

    @property
    def operation(self) -> str:
        first, *rest = [word for word in self.summary.split() if word.lower() not in _ARTICLES]
        plain = [first.lower(), *(word.capitalize() for word in rest)]
        return "".join("".join(c for c in word if c.isalnum()) for word in plain)


def describe(
    summary: str,
    *,
    reply: type[BaseModel] | None = None,
    example: Any = None,
    status: int = 200,
    request: Any = None,
    request_example: Any = None,
    query: Sequence[OpenApiParameter] = (),
    problems: Sequence[type[VsaasError]] = (),
    paged: bool = False,
    media_type: str = JSON,
) -> Callable[[F], F]:
    """Describe a method of an API view; its docstring is the description. Examples must fit their schemas (a test)."""

    def mark(method: F) -> F:
        described = Described(
            summary,
            inspect.getdoc(method) or "",
            reply,
            example,
            status,
            request,
            request_example,
            tuple(query),
            tuple(problems),
            paged,
            media_type,
        )
        setattr(method, ATTRIBUTE, described)
        return method

    return mark


def described_by(method: Any) -> Described | None:
    """What was said of a method, or None."""
    found = getattr(method, ATTRIBUTE, None)
    return found if isinstance(found, Described) else None


def query(
    name: str, text: str, *, schema: dict[str, Any] | None = None, required: bool = False, example: Any = None
) -> OpenApiParameter:
    """One parameter of the query string; `schema` is JSON Schema (default: text)."""
    shape = dict(schema or {"type": "string"})
    if example is not None:
        shape["examples"] = [example]
    return OpenApiParameter(name, shape, OpenApiParameter.QUERY, required=required, description=text)


def header(name: str, text: str, *, schema: dict[str, Any], required: bool = False) -> OpenApiParameter:
    """One header of the request."""
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, required=required, description=text)
