"""`{% load tenant_links %}{% tenant_url "camera" id=camera.id %}`"""

from __future__ import annotations

from typing import Any

from django import template

from vsaas.common import links

register = template.Library()


@register.simple_tag(takes_context=True)
def tenant_url(context: dict[str, Any], name: str, **kwargs: Any) -> str:
    """The path of a page of the current tenant."""
    return links.tenant_url(context["request"], name, **kwargs)
