"""Addresses of live view in the portal; the hub's own are in `routing`."""

from django.urls import path

from vsaas.live.api import Live

api = [path("live", Live.as_view(), name="api-live")]
