"""Addresses of keys."""

from django.urls import path

from vsaas.keys import api as views
from vsaas.keys import pages as shown
from vsaas.keys.held import api as held

root = [path("code.json", shown.code, name="code")]

pages = [
    path("keys", shown.keys, name="keys"),
    path("account/keys", shown.own_keys, name="account-keys"),
]

api = [
    path("statements", views.Statements.as_view(), name="api-statements"),
    path("keys", held.Keys.as_view(), name="api-keys"),
    path("keys/own", held.OwnKeys.as_view(), name="api-keys-own"),
    path("keys/own/ways", held.OwnKeyWays.as_view(), name="api-keys-ways"),
    path("keys/own/ways/<uuid:way_id>", held.OneOwnKeyWay.as_view(), name="api-keys-way"),
    path("keys/held", held.Held.as_view(), name="api-keys-held"),
    path("keys/held/offer", held.Offer.as_view(), name="api-keys-offer"),
    path("keys/held/handover", held.Handover.as_view(), name="api-keys-handover"),
    path("keys/held/cameras", held.HeldCameras.as_view(), name="api-keys-cameras"),
    path("keys/statement-requests", held.StatementRequests.as_view(), name="api-keys-requests"),
    path("keys/statements", held.SignedStatements.as_view(), name="api-keys-statements"),
    path("keys/people", held.People.as_view(), name="api-keys-people"),
    path("keys/people/<uuid:account_id>/shares", held.PersonShares.as_view(), name="api-keys-shares"),
    path("keys/people/<uuid:account_id>/vault", held.PersonVault.as_view(), name="api-keys-vault"),
    path("keys/rolls", held.Rolls.as_view(), name="api-keys-rolls"),
    path("keys/envelopes", held.Envelopes.as_view(), name="api-keys-envelopes"),
]
