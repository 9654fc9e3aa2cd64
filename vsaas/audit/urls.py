from django.urls import path

from vsaas.audit import pages as views
from vsaas.audit import watched_page
from vsaas.audit.api import AuditEvent, AuditFile, AuditLog, AuditProof

pages = [
    path("audit", views.audit, name="audit"),
    path("audit/watched", watched_page.audit_watched, name="audit-watched"),
    path("audit/export", views.audit_export, name="audit-export"),
    path("audit/<uuid:event_id>", views.audit_entry, name="audit-entry"),
]

api = [
    path("audit", AuditLog.as_view(), name="api-audit"),
    path("audit.csv", AuditFile.as_view(), name="api-audit-csv"),
    path("audit.jsonl", AuditProof.as_view(), name="api-audit-jsonl"),
    path("audit/watchers", watched_page.AuditWatchers.as_view(), name="api-audit-watchers"),
    path("audit/<uuid:event_id>", AuditEvent.as_view(), name="api-audit-event"),
]
