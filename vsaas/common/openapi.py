"""The OpenAPI 3.1 document of the REST API, made from the views, what they declare and what they say of themselves."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import Any

from django.conf import settings
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from tenants.declare import Requires
from tenants.errors import StaleFactor, VsaasError
from tenants.permissions import NEVER_BY_TOKEN
from tenants.words import ENGLISH
from vsaas.common import cursors, errors, idempotency
from vsaas.common.api import ApiView
from vsaas.common.conditional import ChangedMeanwhile
from vsaas.common.describe import Described, described_by, header, query
from vsaas.common.paging import LIMIT_MOST, LIMIT_USUAL
from vsaas.common.problems import CONTENT_TYPE, TYPE_PREFIX
from vsaas.common.rates import TooFast

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
ENTITY_TAG = {"type": "string", "examples": ['"5d2c9e0f6a1b4c3d"']}

PAGE_PARAMETERS = [
    query(
        "limit",
        "How many items a page holds at most.",
        schema={"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT_USUAL},
    ),
    query(
        "cursor",
        "`next` of the page before. Leave it out for the first page.",
        schema={"type": "string", "maxLength": cursors.CHARS_MAX},
    ),
]
IF_NONE_MATCH = header(
    "If-None-Match",
    "The ETag you have: 304 without a body when the reply would be the same.",
    schema=ENTITY_TAG,
)
IF_MATCH = header(
    "If-Match", "The ETag you saw: 412, and no change, when somebody changed it since.", schema=ENTITY_TAG
)
IDEMPOTENCY_KEY = header(
    idempotency.HEADER,
    "A word of your choice for this act, such as a UUID. Sent again within 24 hours with the same body, the act is not "
    "done again: you get the first answer.",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{idempotency.KEY_RULE}$"},
)

PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457), the form of every refusal. Programs decide by `type`, people read `detail`.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": f"^{TYPE_PREFIX}[a-z-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "Cause, object and next step, in a sentence."},
        "errors": {
            "type": "array",
            "description": "Which fields are wrong, and how.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "retry_after_s": {"type": "integer", "minimum": 1, "description": "As the header Retry-After."},
    },
}

SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "vsaas_pat_…",
        "description": "A personal access token, made under API tokens in the portal. The names listed with an operation are "
        "the scopes it takes.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": f"{settings.SESSION_COOKIE_NAME}<organisation>",
        "description": "A browser signed in to the portal; one cookie per organisation.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": f"With a session, on everything but GET: the value of the cookie {settings.CSRF_COOKIE_NAME}.",
    },
    "organisation": {
        "type": "apiKey",
        "in": "header",
        "name": "VSaaS-Tenant",
        "description": "With a session: the organisation's short name, as after /t/ in its address. A token knows its own.",
    },
}

# A detail as somebody might read it, where the error's title alone says little.
_DETAILS = {
    "not-signed-in": "sign in to your organisation first",
    "token-refused": "this token has expired; make a new one",
    "denied": "your role does not let you add and change cameras; ask an owner of your organisation",
    "wrong-organisation": "leave the header VSaaS-Tenant out, or name the organisation the token was made in",
    "not-found": "",
    "invalid-fields": "some fields are wrong",
    "bad-request": "JSON parse error - Expecting value: line 1 column 1 (char 0)",
    "too-fast": "600 requests in 60 s are allowed; try again in 3 s",
    "changed-meanwhile": "get it again, look what changed, and send your change with the new ETag",
    "idempotency-key-reused": "this Idempotency-Key was used with another request; choose a new one for each act",
    "still-at-work": "the first request with this key is still at work; ask again in a moment",
    "not-acceptable": "this route answers in JSON",
    "unsupported-media-type": 'Unsupported media type "text/plain" in request.',
    "too-large": "the request is larger than this route takes",
}


class ApiSchema(AutoSchema):
    """REST framework's DEFAULT_SCHEMA_CLASS: reads what `@describe` said of the method, and adds what all answer alike."""

    view: Any

    @property
    def described(self) -> Described | None:
        return described_by(getattr(self.view, self.method.lower(), None))

    def is_excluded(self) -> bool:
        return not isinstance(self.view, ApiView)

    def get_operation_id(self) -> str:
        return self.described.operation if self.described else super().get_operation_id()

    def get_summary(self) -> str | None:
        return self.described.summary if self.described else None

    def get_description(self) -> str:
        said = self.described.text if self.described else ""
        takes = self._takes()
        return "\n\n".join(part for part in (said, takes) if part)

    def _takes(self) -> str:
        permission = self._permission()
        if permission is None:
            return ""
        words = f"Takes the right to {permission.sentence} (`{permission.name}`)"
        return words + (", which no token can have." if permission in NEVER_BY_TOKEN else ".")

    def _permission(self) -> Any:
        declared = getattr(self.view, "access", None)
        return declared.of(self.method) if isinstance(declared, Requires) else None

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag", type(self.view).__module__.split(".")[1].capitalize())]

    def get_auth(self) -> list[dict[str, Any]]:
        permission = self._permission()
        if permission is None and not self.view.for_any_caller:
            return []
        session: dict[str, Any] = {"session": [], "organisation": []}
        if self.method in UNSAFE:
            session["csrf"] = []
        by_token: list[dict[str, Any]] = []
        if permission not in NEVER_BY_TOKEN:
            by_token.append({"token": [permission.name] if permission else []})
        return [*by_token, session]

    def get_override_parameters(self) -> list[OpenApiParameter]:
        found = list(self.described.query) if self.described else []
        if self.described and self.described.paged:
            found += PAGE_PARAMETERS
        if self._is_tagged():
            found.append(IF_NONE_MATCH)
        if self.method == "POST" and self.view.keeps_answers:
            found.append(IDEMPOTENCY_KEY)
        if self.described and ChangedMeanwhile in self.described.problems:
            found.append(IF_MATCH)
        return found

    def _is_tagged(self) -> bool:
        return self.method == "GET" and not (self.described and self.described.is_file)

    def get_request_serializer(self) -> Any:
        return self.described.request if self.described and self.method in UNSAFE else None

    def map_parsers(self) -> list[str]:
        return ["application/json"]

    def get_response_serializers(self) -> Any:
        if self.described is None:
            return {}
        status = self.described.status
        reply = OpenApiTypes.STR if self.described.is_file else self.described.reply
        responses: dict[Any, Any] = {
            (status, self.described.media_type): OpenApiResponse(reply, description=self.described.summary)
        }
        if self._is_tagged():
            responses[304] = OpenApiResponse(None, description="You have this reply already")
        by_status: dict[int, list[type[VsaasError]]] = defaultdict(list)
        for problem in self.problems():
            by_status[problem.status].append(problem)
        for code, group in sorted(by_status.items()):
            titles = "; ".join(dict.fromkeys(str(problem.title) for problem in group))
            responses[code, CONTENT_TYPE] = OpenApiResponse(
                {"$ref": "#/components/schemas/Problem"}, description=titles
            )
        return responses

    def problems(self) -> list[type[VsaasError]]:
        """Every problem this operation may answer with, save that of a broken portal (500)."""
        said = self.described
        found: list[type[VsaasError]] = [errors.NotSignedIn, errors.TokenRefused, errors.Denied]
        found += [errors.WrongOrganisation, errors.NotFound, errors.NotAcceptable, TooFast]
        declared = self.view.access
        if isinstance(declared, Requires) and declared.wants_fresh(self.method):
            found.append(StaleFactor)
        if self.method in UNSAFE:
            found += [errors.BadRequest, errors.TooLarge, errors.UnsupportedMedia, errors.FormExpired]
        if said and (said.request is not None or said.query or said.paged):
            found.append(errors.InvalidFields)
        if self.method == "POST" and self.view.keeps_answers:
            found += [idempotency.StillAtWork, idempotency.KeyUsedOtherwise]
        if said:
            found += said.problems
        return list(dict.fromkeys(found))

    def get_examples(self) -> list[OpenApiExample]:
        said = self.described
        if said is None:
            return []
        found = [_problem_example(problem) for problem in self.problems()]
        if said.reply is not None or said.is_file:
            found.append(
                OpenApiExample(
                    "reply",
                    said.example,
                    response_only=True,
                    status_codes=[str(said.status)],
                    media_type=said.media_type,
                )
            )
        if said.request is not None:
            found.append(OpenApiExample("request", said.request_example, request_only=True))
        return found


def _problem_example(problem: type[VsaasError]) -> OpenApiExample:
    value: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.problem,
        "title": str(problem.title),
        "status": problem.status,
        "detail": _DETAILS.get(problem.problem, str(problem.title).lower()),
    }
    if issubclass(problem, errors.InvalidFields) and problem is not idempotency.KeyUsedOtherwise:
        value["errors"] = [{"field": "name", "message": "This field is required."}]
    if issubclass(problem, errors.TooMany):
        value["retry_after_s"] = 3
    return OpenApiExample(
        problem.problem,
        value,
        summary=str(problem.title),
        response_only=True,
        status_codes=[str(problem.status)],
        media_type=CONTENT_TYPE,
    )


HEADERS = {
    "ETag": {"description": "Names this reply, and the version of the object.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "RateLimit": {
        "description": 'What is left: `"token";r=<requests left>;t=<seconds until the allowance is whole again>`.',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'What is allowed: `"token";q=<requests>;w=<seconds>`.',
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "How to authenticate: Bearer.", "schema": {"type": "string"}},
}
_HEADERS_OF = {
    "429": ("Retry-After", "RateLimit", "RateLimit-Policy"),
    "401": ("WWW-Authenticate",),
    "304": ("ETag",),
}

ABOUT = """\
Everything the portal's pages can do, for programs, under the same rights.

`Authorization: Bearer vsaas_pat_…` with a token made under API tokens in the portal. A token knows its organisation, and
lends some of its owner's rights for a time.

Times are whole microseconds since 1970, UTC, in fields that end in `_us`; ids are UUIDs; bytes are base64url without padding.
Fields may be added to replies: ignore what you do not know.
"""


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's POSTPROCESSING_HOOKS: what belongs to the document as a whole."""
    result["info"]["description"] = ABOUT
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["securitySchemes"] = SECURITY_SCHEMES
    components["headers"] = HEADERS
    for path in result["paths"].values():
        for operation in path.values():
            _require_body(operation, components["schemas"])
            for status, response in operation["responses"].items():
                names = _HEADERS_OF.get(status, ())
                if status in ("200", "201"):
                    names = ("ETag", "RateLimit") if "304" in operation["responses"] else ("RateLimit",)
                if names:
                    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return result


def _require_body(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A body with required fields is required itself."""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        whole = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        operation["requestBody"]["required"] = bool(whole.get("required"))


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document. The same for everybody, and in English: it holds nothing of any tenant. Callers must not change it."""
    with translation.override(ENGLISH):
        schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema
