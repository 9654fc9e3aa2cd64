"""The hub as an ASGI application: WebSockets alone, in a process of its own, so that a new portal does not end live view.

Run it with `uvicorn vsaas.live.asgi:application --ws websockets-sansio --ws-per-message-deflate false`: compression
of sealed bytes costs much and gains nothing.
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vsaas.settings")
django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  needs the apps loaded

from vsaas.live.http import known_routes, plain_http  # noqa: E402
from vsaas.live.routing import websocket_urlpatterns  # noqa: E402
from vsaas.startup import make_sure  # noqa: E402

application = ProtocolTypeRouter(
    {"http": plain_http, "websocket": known_routes(URLRouter(websocket_urlpatterns))}
)

make_sure()
