"""The portal as an ASGI application. It speaks HTTP alone: sockets belong to the hub (vsaas.live.asgi)."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vsaas.settings")

django_application = get_asgi_application()

from vsaas.common.body_limit import BodyLimit  # noqa: E402  needs the apps loaded
from vsaas.startup import make_sure  # noqa: E402

application = BodyLimit(django_application)

make_sure()
