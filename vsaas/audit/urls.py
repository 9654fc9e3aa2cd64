from django.urls import path

from vsaas.audit import pages as views
from vsaas.audit import settings_page, watched_page
from vsaas.audit.activity import AccountActivity, account_activity
from vsaas.audit.api import AuditEvent, AuditFile, AuditLog, AuditProof
from vsaas.audit.settings_api import AuditPolicyView, Destination, Destinations, DestinationTest

pages = [
    path("account/activity", account_activity, name="account-activity"),
    path("audit", views.audit, name="audit"),
    path("audit/watched", watched_page.audit_watched, name="audit-watched"),
    path("audit/settings", settings_page.audit_settings, name="audit-settings"),
    path("audit/destinations/new", settings_page.audit_destination_new, name="audit-destination-new"),
    path(
        "audit/destinations/<uuid:destination_id>",
        settings_page.audit_destination,
        name="audit-destination",
    ),
    path(
        "audit/destinations/<uuid:destination_id>/remove",
        settings_page.audit_destination_remove,
        name="audit-destination-remove",
    ),
    path(
        "audit/destinations/<uuid:destination_id>/test",
        settings_page.audit_destination_test,
        name="audit-destination-test",
    ),
    path("audit/export", views.audit_export, name="audit-export"),
    path("audit/<uuid:event_id>", views.audit_entry, name="audit-entry"),
]

api = [
    path("account/activity", AccountActivity.as_view(), name="api-account-activity"),
    path("audit", AuditLog.as_view(), name="api-audit"),
    path("audit.csv", AuditFile.as_view(), name="api-audit-csv"),
    path("audit.jsonl", AuditProof.as_view(), name="api-audit-jsonl"),
    path("audit/watchers", watched_page.AuditWatchers.as_view(), name="api-audit-watchers"),
    path("audit/policy", AuditPolicyView.as_view(), name="api-audit-policy"),
    path("audit/destinations", Destinations.as_view(), name="api-audit-destinations"),
    path("audit/destinations/<uuid:destination_id>", Destination.as_view(), name="api-audit-destination"),
    path(
        "audit/destinations/<uuid:destination_id>/test",
        DestinationTest.as_view(),
        name="api-audit-destination-test",
    ),
    path("audit/<uuid:event_id>", AuditEvent.as_view(), name="api-audit-event"),
]
