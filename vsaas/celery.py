"""The Celery application. Periodic tasks are declared beside the tasks, through `app.add_periodic_task` or
`on_after_finalize`; their schedule is gathered in settings.CELERY_BEAT_SCHEDULE."""

from __future__ import annotations

import os

from celery import Celery

from vsaas.common import signs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vsaas.settings")

app = Celery("vsaas")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


signs.connect()
