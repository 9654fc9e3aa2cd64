"""The hub's routes. Each consumer declares its access; `tenants.checks` holds that."""

from django.urls import path

from vsaas.live.consumers import AgentControlConsumer, AgentMediaConsumer, ViewerConsumer

websocket_urlpatterns = [
    path("agent/v1/control", AgentControlConsumer.as_asgi(), name="hub-control"),
    path("agent/v1/media/<uuid:publish_id>", AgentMediaConsumer.as_asgi(), name="hub-media"),
    path("live", ViewerConsumer.as_asgi(), name="hub-live"),
]
