"""Addresses of keys."""

from django.urls import path

from vsaas.keys import api as views

api = [path("statements", views.Statements.as_view(), name="api-statements")]
