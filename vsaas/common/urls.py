"""Addresses of the frame itself, of the API's document and reference, and those operators ask."""

from django.urls import path

from vsaas.common import disclosure, operations, own_ca, pwa, reference

root = [
    path("healthz", operations.healthz, name="healthz"),
    path("readyz", operations.readyz, name="readyz"),
    path("metrics", operations.metrics_page, name="metrics"),
    path("ca", own_ca.ca, name="ca"),
    path("ca.crt", own_ca.ca_certificate, name="ca-certificate"),
    path(".well-known/security.txt", disclosure.security_txt, name="security-txt"),
    path("t/sw.js", pwa.worker, name="service-worker"),
    path("t/offline", pwa.offline, name="offline"),
    path("api/schema/", reference.schema, name="api-schema"),
    path("api/docs/", reference.docs, name="api-docs"),
]

pages = [path("manifest.webmanifest", pwa.manifest, name="manifest")]
