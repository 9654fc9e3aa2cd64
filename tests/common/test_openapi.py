"""The API's document and reference: whole, true to form, the same for everybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from tenants import checks
from vsaas.common.api import ApiView
from vsaas.common.describe import described_by
from vsaas.common.openapi import document

METHODS = ("get", "post", "put", "patch", "delete")


def views() -> Iterator[tuple[str, str, type[ApiView]]]:
    """Every method of every API view: (method, route, view class)."""
    for entry in checks.urls():
        view = getattr(entry.target, "view_class", None) or getattr(entry.target, "cls", None)
        if entry.route.startswith("/api/v1/") and view is not None:
            for method in METHODS:
                if hasattr(view, method):
                    yield method, entry.route, view


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


OPERATIONS = list(operations())
IDS = [f"{method.upper()} {path}" for method, path, _ in OPERATIONS]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with the document's components beside it, so that references lead somewhere."""
    return {**schema, "components": document()["components"]}


def fits(schema: dict[str, Any], value: Any) -> None:
    jsonschema_rs.validator_for(resolved(schema)).validate(value)


def test_every_view_of_the_api_is_an_api_view_and_describes_each_method() -> None:
    found = list(views())
    assert len(found) >= 15
    for method, route, view in found:
        assert issubclass(view, ApiView), (
            f"{view.__qualname__} ({route}) must subclass vsaas.common.api.ApiView"
        )
        assert described_by(getattr(view, method)) is not None, (
            f"{view.__qualname__}.{method} ({route}) says nothing of itself: put @describe(…) of vsaas.common.describe on it"
        )


def test_every_view_of_the_api_is_in_the_document() -> None:
    inside = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path, _ in operations()}
    there = {(method, re.sub(r"<\w+:\w+>", "{}", route)) for method, route, _ in views()}
    assert inside == there


def test_every_route_under_the_api_is_a_view_class() -> None:
    for entry in checks.urls():
        if entry.route.startswith("/api/v1/"):
            view = getattr(entry.target, "view_class", None) or getattr(entry.target, "cls", None)
            assert view is not None, (
                f"{entry.route} is a function: make it an ApiView, which describes itself"
            )


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_says_everything_a_caller_needs(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["security"]
    for parameter in operation.get("parameters", []):
        assert parameter["in"] == "path" or parameter.get("description"), parameter["name"]
    (good,) = [
        answer for status, answer in operation["responses"].items() if status in ("200", "201", "202", "204")
    ]
    if "content" in good:
        (content,) = good["content"].values()
        shows_what_fits(content)
    if "requestBody" in operation:
        shows_what_fits(operation["requestBody"]["content"]["application/json"])
    problems = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert {"401", "403", "404", "429"} <= set(problems)
    for answer in problems.values():
        shows_what_fits(answer["content"]["application/problem+json"])


def shows_what_fits(content: dict[str, Any]) -> None:
    assert content["examples"]
    for example in content["examples"].values():
        fits(content["schema"], example["value"])


def test_names_of_operations_are_unique_and_plain() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)


def test_the_document_is_openapi_3_1() -> None:
    """Against the specification's own JSON Schema, which schemathesis carries; it also resolves every reference."""
    import schemathesis

    assert document()["openapi"].startswith("3.1")
    loaded = schemathesis.openapi.from_dict(document())
    loaded.validate()
    for reference in re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(document())):
        kind, name = reference.split("/")
        assert name in document()["components"][kind], reference


def test_every_schema_of_the_document_is_json_schema() -> None:
    for name, schema in document()["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert schema.get("description") or schema.get("enum"), name


def test_anybody_may_read_it_and_ask_whether_it_changed(anonymous: Client, database: None) -> None:
    reply = anonymous.get("/api/schema/")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/json"
    assert reply.json() == json.loads(json.dumps(document()))
    assert not reply.cookies
    again = anonymous.get("/api/schema/", headers={"if-none-match": reply["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_reference_shows_every_operation_without_any_script_of_its_own(
    anonymous: Client, database: None, pages: None
) -> None:
    reply = anonymous.get("/api/docs/")
    page = reply.content.decode()
    assert reply.status_code == 200
    for _, path, operation in operations():
        assert f'id="{operation["operationId"]}"' in page
        assert path in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<[a-z][^>]*\s(style|on[a-z]+)=", page)
    assert not re.search(r'(src|href)="https?:', page)
    targets = set(re.findall(r'href="#([^"]+)"', page)) - set(re.findall(r'symbol id="([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


def test_operations_no_token_may_call_are_marked() -> None:
    """One's own account and tokens, and who may do what, take a signed-in person."""
    for method, path, operation in operations():
        by_token = [row["token"] for row in operation["security"] if "token" in row]
        personal = path.startswith(
            ("/api/v1/tokens", "/api/v1/account", "/api/v1/sessions", "/api/v1/approvals", "/api/v1/keys")
        )
        people = (
            path.startswith(("/api/v1/invitations", "/api/v1/mail"))
            or path.endswith("/revealing")
            or (path == "/api/v1/cameras/{camera_id}/password" and method == "patch")
            or (
                path.startswith(("/api/v1/members", "/api/v1/roles", "/api/v1/sign-in-rules"))
                and method != "get"
            )
        )
        assert bool(by_token) != (personal or people), f"{method} {path}"
        assert by_token != [[]] or path == "/api/v1/me"
