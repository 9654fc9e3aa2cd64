from django.urls import path

from vsaas.alarms import api as rest
from vsaas.alarms import pages as views

pages = [
    path("alarms", views.alarms, name="alarms"),
    path("alarms/told", views.alarms_told, name="alarms-told"),
]

api = [
    path("alarms", rest.Alarms.as_view(), name="api-alarms"),
    path("alarms/told", rest.AlarmWish.as_view(), name="api-alarms-told"),
]
