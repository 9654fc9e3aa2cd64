"""What the tests of approvals share: an organisation whose operators need a second person to sign in."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.test import Client

from tenants.models import OrganisationRole
from tenants.permissions import OPERATOR, OWNER
from tenants.scope import tenant_scope
from tests.cast import PASSWORD, Cast, code_of, make_account, make_cast, slug_of
from vsaas.accounts.models import Account, Session
from vsaas.accounts.sessions import hash_key
from vsaas.approvals.models import ApprovalRequest
from vsaas.audit.models import AuditInbox


def make_bound(*roles: str) -> tuple[Cast, Account]:
    """A cast in whose tenant A these roles need approval (operators unless said), and Anna, its second owner."""
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        anna = make_account("Anna", OWNER)
        for key in roles or (OPERATOR.name,):
            OrganisationRole.objects.create(key=key, needs_approval=True)
    return cast, anna


def at_the_door(account: Account) -> Client:
    """A browser in which both factors were given, and approval is waited for."""
    client, slug = Client(headers={"accept": "text/html"}), slug_of(account)
    client.post(f"/t/{slug}/sign-in", {"email": account.email, "password": PASSWORD})
    reply = client.post(f"/t/{slug}/sign-in/factor", {"code": code_of(account)})
    assert reply["Location"] == f"/t/{slug}/sign-in/approval", reply.content
    return client


def door(account: Account, rest: str = "") -> str:
    """An address of the page that waits."""
    return f"/t/{slug_of(account)}/sign-in/approval{rest}"


def state(client: Client, account: Account) -> str:
    return str(client.get(door(account, "/state")).json()["state"])


def the_request(account: Account, **lookup: Any) -> ApprovalRequest:
    """The newest request of an account."""
    with tenant_scope(account.tenant_id):
        return ApprovalRequest.objects.filter(requester=account, **lookup).order_by("-id")[0]


def decide(
    client: Client, approver: Account, row_id: UUID, word: str = "approval", **body: str
) -> HttpResponse:
    """An answer by REST."""
    headers = {"VSaaS-Tenant": slug_of(approver), "accept": "application/json"}
    path = f"/api/v1/approvals/{row_id}/{word}"
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def approve(client: Client, approver: Account, row: ApprovalRequest) -> HttpResponse:
    """A yes, with a fresh code, to the request as it is."""
    return decide(client, approver, row.pk, code=code_of(approver), digest=bytes(row.digest).hex())


def api(client: Client, account: Account, path: str) -> HttpResponse:
    return client.get(
        f"/api/v1/{path}", headers={"VSaaS-Tenant": slug_of(account), "accept": "application/json"}
    )


def is_in(client: Client, account: Account) -> bool:
    """Whether the browser has its person's rights: by a page and by the API, which must agree."""
    page, told = client.get(f"/t/{slug_of(account)}/"), api(client, account, "cameras")
    assert (page.status_code == 200) == (told.status_code == 200), (page.status_code, told.status_code)
    return page.status_code == 200


def let_in(account: Account, approver: Account, approvers: Client) -> Client:
    """A browser of a bound account, approved by somebody and in."""
    client = at_the_door(account)
    assert approve(approvers, approver, the_request(account)).status_code == 200
    assert client.post(door(account, "/enter")).status_code == 302
    assert is_in(client, account)
    return client


def audited(account: Account, act: str) -> list[AuditInbox]:
    """What stands in the log of an account's organisation under an act, the oldest first."""
    with tenant_scope(account.tenant_id):
        return list(AuditInbox.objects.filter(act=act).order_by("id"))


def session_of(client: Client, account: Account) -> Session:
    key = client.cookies[f"vsaas_s_{slug_of(account)}"].value
    with tenant_scope(account.tenant_id):
        return Session.objects.get(key_hash=hash_key(key))
