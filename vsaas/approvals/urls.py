from django.urls import path

from vsaas.approvals import api as rest
from vsaas.approvals import pages as views

pages = [
    path("approvals", views.approvals, name="approvals"),
    path("approvals/waiting.json", views.waiting, name="approvals-waiting"),
    path("approvals/policy", views.policy_page, name="approvals-policy"),
    path("approvals/break-glass", views.break_glass_codes, name="approvals-break-glass"),
    path(
        "approvals/break-glass/<uuid:code_id>/revoke",
        views.break_glass_revoke,
        name="approvals-break-glass-revoke",
    ),
    path(
        "approvals/break-glass/<uuid:code_id>/acknowledge",
        views.break_glass_acknowledge,
        name="approvals-break-glass-acknowledge",
    ),
    path("approvals/<uuid:request_id>/approve", views.approve, name="approvals-approve"),
    path("approvals/<uuid:request_id>/refuse", views.refuse, name="approvals-refuse"),
    path("approvals/<uuid:request_id>/withdraw", views.withdraw, name="approvals-withdraw"),
]

api = [
    path("approvals", rest.Approvals.as_view(), name="api-approvals"),
    path("approvals/policy", rest.ApprovalPolicyView.as_view(), name="api-approvals-policy"),
    path("approvals/<uuid:request_id>", rest.Approval.as_view(), name="api-approval"),
    path("approvals/<uuid:request_id>/approval", rest.ApprovalGiven.as_view(), name="api-approval-approval"),
    path("approvals/<uuid:request_id>/refusal", rest.ApprovalRefused.as_view(), name="api-approval-refusal"),
    path(
        "approvals/<uuid:request_id>/withdrawal",
        rest.ApprovalWithdrawn.as_view(),
        name="api-approval-withdrawal",
    ),
]
