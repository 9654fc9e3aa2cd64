"""The API's OpenAPI document, and its reference as a page: plain HTML made from the document, no script needed."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from tenants.declare import public
from tenants.words import ENGLISH
from vsaas.common import conditional
from vsaas.common.openapi import document

FRESH_S = 300
DEPTH_MOST = 6
_CODE = re.compile(r"`([^`]+)`")


@public("the API's document says what programs may ask, and holds nothing of any tenant")
@require_safe
def schema(request: HttpRequest) -> HttpResponseBase:
    """`/api/schema/`: OpenAPI 3.1, JSON."""
    body = _document_json()
    tag = conditional.tag(body)
    unchanged = conditional.not_modified(request, tag)
    response = HttpResponse(status=304) if unchanged else HttpResponse(body, content_type="application/json")
    response["ETag"] = tag
    response["Content-Language"] = ENGLISH
    response["Cache-Control"] = f"public, max-age={FRESH_S}"
    return response


@functools.cache
def _document_json() -> bytes:
    return json.dumps(document(), ensure_ascii=False, indent=1).encode()


@public("the API's reference holds nothing of any tenant")
@require_safe
def docs(request: HttpRequest) -> HttpResponseBase:
    """`/api/docs/`: the same for people. In English, whatever language they read the portal in."""
    response = TemplateResponse(
        request,
        "reference.html",
        {
            "groups": _groups(),
            "about": _paragraphs(document()["info"]["description"]),
            "server": settings.ENV.public_url,
            "requests": settings.ENV.api_requests_per_minute,
        },
        headers={"Content-Language": ENGLISH},
    )
    with translation.override(ENGLISH):
        return response.render()


@dataclass(frozen=True, slots=True)
class Row:
    """One field or parameter: its name, indented by `depth` where it lies inside another."""

    name: str
    kind: str
    required: bool
    text: SafeString
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One status an operation may answer with."""

    status: str
    text: str
    rows: list[Row]
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    text: SafeString
    scopes: list[str]
    by_token: bool
    parameters: list[Row]
    body: list[Row]
    body_example: str
    answers: list[Answer]
    problems: list[Answer]
    curl: str


@functools.cache
def _groups() -> list[tuple[str, list[Operation]]]:
    """Operations by tag, in the order of the document."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    return sorted(groups.items())


def _operation(path: str, method: str, operation: dict[str, Any]) -> Operation:
    tokens = [row["token"] for row in operation.get("security", []) if "token" in row]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = [_answer(status, answer) for status, answer in operation["responses"].items()]
    example = _example(body)
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        text=_paragraphs(operation.get("description", "")),
        scopes=tokens[0] if tokens else [],
        by_token=bool(tokens),
        parameters=[
            Row(
                row["name"],
                f"{row['in']} · {_kind(row['schema'])}",
                row.get("required", False),
                _inline(row.get("description", "")),
            )
            for row in operation.get("parameters", [])
        ],
        body=_rows(body.get("schema", {})),
        body_example=_pretty(example),
        answers=[answer for answer in answers if answer.status < "400"],
        problems=[answer for answer in answers if answer.status >= "400"],
        curl=_curl(path, method, operation, example),
    )


def _answer(status: str, answer: dict[str, Any]) -> Answer:
    content = next(iter(answer.get("content", {}).values()), {})
    rows = _rows(content.get("schema", {})) if status < "400" else []
    return Answer(status, answer.get("description", ""), rows, _pretty(_example(content)))


def _example(content: dict[str, Any]) -> Any:
    examples = content.get("examples", {})
    return next(iter(examples.values()))["value"] if examples else None


def _pretty(value: Any) -> str:
    if isinstance(value, str):
        return value  # a file's text
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def _curl(path: str, method: str, operation: dict[str, Any], body: Any) -> str:
    """One line for a shell. Ids of the path stand as $CAMERA_ID and the like."""
    address = re.sub(r"\{(\w+)\}", lambda match: "$" + match[1].upper(), path)
    needed = [row for row in operation.get("parameters", []) if row["in"] == "query" and row.get("required")]
    query = "&".join(f"{row['name']}={row['schema']['examples'][0]}" for row in needed)
    parts = ["curl", "-H", '"Authorization: Bearer $VSAAS_TOKEN"']
    if method != "get":
        parts += ["-X", method.upper()]
    if body is not None:
        parts += ["-H", "'Content-Type: application/json'", "-d", f"'{json.dumps(body, ensure_ascii=False)}'"]
    return " ".join([*parts, f'"{settings.ENV.public_url}{address}{"?" + query if query else ""}"'])


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return {**document()["components"]["schemas"][reference.rpartition("/")[2]], **_without(schema, "$ref")}


def _without(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def _rows(schema: dict[str, Any], depth: int = 0) -> list[Row]:
    """The fields of an object, those of inner objects below their own, indented."""
    schema = _inner(schema)
    rows: list[Row] = []
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", [])
        whole = _resolved(field)
        text = field.get("description") or whole.get("description", "")
        rows.append(Row(name, _kind(field), required, _inline(text), depth))
        if depth < DEPTH_MOST:
            rows += _rows(field, depth + 1)
    return rows


def _inner(schema: dict[str, Any]) -> dict[str, Any]:
    """The object inside references, lists, maps and "or null"."""
    schema = _resolved(schema)
    for option in schema.get("anyOf", []):
        if option.get("type") != "null":
            return _inner(option)
    if "items" in schema and isinstance(schema["items"], dict):
        return _inner(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        return _inner(schema["additionalProperties"])
    return schema


def _kind(schema: dict[str, Any]) -> str:
    """A type in a few words."""
    schema = _resolved(schema)
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value is not None)
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        return " or ".join(_kind({**schema, "type": one}) for one in kind)
    if kind == "array":
        inner = schema.get("items")
        return f"list of {_kind(inner)}" if isinstance(inner, dict) else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return "map"
    words = {"string": schema.get("format", "text"), "integer": "whole number", "boolean": "true or false"}
    return words.get(kind, kind)


def _paragraphs(text: str) -> SafeString:
    parts = [part for part in text.split("\n\n") if part.strip()]
    return format_html_join("", "<p>{}</p>", ((_inline(part),) for part in parts))


def _inline(text: str) -> SafeString:
    """Text with `words in backticks` as code."""
    escaped = conditional_escape(text)
    return mark_safe(_CODE.sub(r"<code>\1</code>", str(escaped)))  # noqa: S308  escaped just above
