"""Who the agent is that sends a request: RFC 9421 signatures against the registered transport key."""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from protocol import signatures
from protocol.errors import ProtocolError
from tenants import declare, lookups
from tenants.scope import tenant_scope
from vsaas.agents.acts import REFUSED
from vsaas.agents.errors import AgentUnknown
from vsaas.agents.models import Agent, AgentKey, AgentKeyPurpose
from vsaas.agents.nonces import fresh_nonce, use_nonce
from vsaas.audit.services import agent as audit_agent
from vsaas.audit.services import record_refusal
from vsaas.common.errors import BadRequest, MethodNotAllowed, SignatureRefused, TooLarge, VsaasError
from vsaas.common.redis import client

__all__ = [
    "AgentIdentity",
    "agent_route",
    "authenticate_agent",
    "authenticate_scope",
    "challenged",
    "fresh_nonce",
]

logger = logging.getLogger(__name__)

NONCE_HEADER = signatures.NONCE_HEADER
REFUSAL_AUDIT_S = 3600
KID_HEX_CHARS = 32

AgentView = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """An enrolled, not revoked agent whose signature over this request held. `kid`: 16 bytes, its transport key."""

    tenant_id: UUID
    agent_id: UUID
    kid: bytes


@dataclass(frozen=True)
class _Registered:
    agent: Agent
    identity: AgentIdentity
    public_key: Ed25519PublicKey


def authenticate_agent(request: HttpRequest, *, max_body_bytes: int = 64 * 1024) -> AgentIdentity:
    """The agent that signed `request` (signature, digest of the body, authority, single use of the nonce).

    Raises SignatureRefused or AgentUnknown (401), StaleNonce (401: the agent signs again with the nonce in the
    reply), TooLarge when the body has more than `max_body_bytes`.
    """
    body = limited_body(request, max_body_bytes)
    url = settings.ENV.public_url + request.get_full_path()
    return _authenticate(request.method or "", url, request.headers, body)


def authenticate_scope(scope: Mapping[str, Any]) -> AgentIdentity:
    """The same for the handshake of a WebSocket (ASGI scope): the agent signs a GET of the http form of its URL.

    Does database work: call it through `database_sync_to_async`. Raises as `authenticate_agent`.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        if name in headers and name.startswith("signature"):
            raise SignatureRefused("the handshake carries its signature twice")
        headers[name] = raw_value.decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    base = "http" + settings.ENV.live_url.removeprefix("ws")
    return _authenticate("GET", base + path + (f"?{query}" if query else ""), headers, b"")


def agent_route(
    name: str, *, max_body_bytes: int = 64 * 1024, scoped: bool = True
) -> Callable[[AgentView], AgentView]:
    """Puts a view on the allow-list of what an agent's credential opens; `name` is "POST records" and the like.

    The view is called only for that method, with `request.agent` (AgentIdentity) and `request.body` (at most
    `max_body_bytes`), inside the agent's tenant scope, key store included (`scoped=False`: the view opens its scopes
    itself, because it works long before it needs one). Every reply carries `VSaaS-Nonce`.
    """
    method, _, _what = name.partition(" ")

    def decorate(view: AgentView) -> AgentView:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            identity = authenticate_agent(request, max_body_bytes=max_body_bytes)
            request.agent = identity  # type: ignore[attr-defined]
            if not scoped:
                return view(request, *args, **kwargs)
            with tenant_scope(identity.tenant_id, keys=True):
                return view(request, *args, **kwargs)

        return declare.agent_only(challenged(method, guarded))

    return decorate


def challenged(method: str, view: AgentView) -> AgentView:
    """`view` for one method, with a fresh challenge on every reply, refusals included."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            if request.method != method:
                raise MethodNotAllowed(f"this route takes {method} only", headers={"Allow": method})
            response = view(request, *args, **kwargs)
        except VsaasError as error:
            error.headers.setdefault(NONCE_HEADER, fresh_nonce())
            raise
        response[NONCE_HEADER] = fresh_nonce()
        return response

    return answer


def limited_body(request: HttpRequest, max_body_bytes: int) -> bytes:
    """The body of a request, refused by its declared length before it is read. Raises TooLarge or BadRequest."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdecimal()):
        raise BadRequest("the Content-Length header is not a number")
    if int(declared) > max_body_bytes:
        raise TooLarge(
            f"the request has {declared} bytes, this route takes {max_body_bytes}: send less at once"
        )
    body: bytes = request.body
    if len(body) > max_body_bytes:
        raise TooLarge(
            f"the request has {len(body)} bytes, this route takes {max_body_bytes}: send less at once"
        )
    return body


def signed_by(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    find: Callable[[str], Ed25519PublicKey | None],
) -> None:
    """Checks signature, digest and nonce. Raises SignatureRefused or StaleNonce."""
    try:
        verified = signatures.verify_request(method, url, headers, find_key=find, body=body)
    except ProtocolError as error:
        raise SignatureRefused(error.detail) from error
    # After the signature: only the holder of a key can use a nonce up.
    use_nonce(verified.nonce)


def _authenticate(method: str, url: str, headers: Mapping[str, str], body: bytes) -> AgentIdentity:
    found: list[_Registered] = []
    unknown: list[AgentUnknown] = []

    def find(key_id: str) -> Ed25519PublicKey | None:
        # Raised after the library has returned: it takes every error in here for a bad signature.
        try:
            found.append(_registered(key_id))
        except AgentUnknown as error:
            unknown.append(error)
            return None
        return found[-1].public_key

    try:
        signed_by(method, url, headers, body, find)
    except SignatureRefused as error:
        if unknown:
            raise unknown[0] from error
        if found:
            _audit_refusal(found[0].agent, error)
        raise
    if len(found) != 1 or unknown:
        raise SignatureRefused("the request must be signed once, by one key")
    return found[0].identity


def _registered(key_id: str) -> _Registered:
    """The agent of a hex key id. Raises AgentUnknown: not registered, not a transport key, or revoked."""
    kid = _kid(key_id)
    row = lookups.find("lookup_agent_key", kid) if kid is not None else None
    if row is None:
        raise AgentUnknown("no agent is registered under this key: enrol it with a new code")
    with tenant_scope(row.tenant_id):
        key = AgentKey.objects.select_related("agent").get(kid=kid)
    if key.purpose != AgentKeyPurpose.TRANSPORT:
        raise AgentUnknown("this key is not an agent's transport key: sign with that one")
    if key.ended_at is not None:
        refusal = AgentUnknown("this agent has other keys since: only its former ones sign this request")
        _audit_refusal(key.agent, refusal)
        raise refusal
    if key.agent.revoked_at is not None:
        refusal = AgentUnknown("this agent was revoked: enrol it with a new code")
        _audit_refusal(key.agent, refusal)
        raise refusal
    identity = AgentIdentity(row.tenant_id, key.agent_id, bytes(key.kid))
    return _Registered(key.agent, identity, Ed25519PublicKey.from_public_bytes(bytes(key.public_key)))


def _audit_refusal(agent: Agent, error: VsaasError) -> None:
    """Writes down that an agent we know was refused: once an hour, since it tries again every few seconds."""
    try:
        first = client().set(
            f"vsaas:agent-refused:{agent.id}:{error.problem}", b"1", nx=True, ex=REFUSAL_AUDIT_S
        )
    except redis.RedisError as problem:
        logger.warning("the refusal of agent %s is audited without its throttle: %s", agent.id, problem)
        first = True
    if first:
        by = audit_agent(agent.id, agent.name)
        record_refusal(REFUSED, by, tenant_id=agent.tenant_id, reason=error.problem)


def _kid(key_id: str) -> bytes | None:
    if len(key_id) != KID_HEX_CHARS:
        return None
    try:
        return bytes.fromhex(key_id)
    except ValueError:
        return None
