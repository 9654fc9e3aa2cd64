"""WhiteNoise as the portal's, which lists the static files once per process and build, not once per `Client()`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from whitenoise.middleware import WhiteNoiseMiddleware

from vsaas.onebox.nodebuild import STAMP

_listed: dict[str, dict[str, Any]] = {}


class SharedWhiteNoise(WhiteNoiseMiddleware):
    """A test client makes the middleware anew; the files change only when the front end is built."""

    def add_files_from_finders(self) -> None:
        stamp = settings.BASE_DIR / "frontend" / "dist" / STAMP
        build = stamp.read_text() if stamp.exists() else ""
        if build not in _listed:
            super().add_files_from_finders()
            _listed[build] = self.files
        self.files = _listed[build]
