"""Request bodies read as they are meant: JSON's types are not bent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers


class Fields(serializers.Serializer[Any]):
    """The fields of a request body. REST framework would take `"yes"` for true and 7 for "7"; here that is a wrong field,
    as the API's schema says."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            wrong = {
                name: message
                for name, field in self.fields.items()
                if (message := _bent(field, data.get(name))) is not None
            }
            if wrong:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)


def _bent(field: Any, value: Any) -> str | None:
    """What is wrong with the value's type, or None."""
    if value is None:
        return None
    if isinstance(field, serializers.BooleanField) and not isinstance(value, bool):
        return _("Write true or false.")
    if isinstance(field, serializers.UUIDField) and not isinstance(value, str):
        return _("Write an id.")
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next((message for one in value if (message := _bent(field.child, one)) is not None), None)
    if isinstance(field, serializers.CharField) and not isinstance(value, str):
        return _("Write text.")
    if isinstance(field, serializers.IntegerField) and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        return _("Write a whole number.")
    return None


def valid(fields: Fields) -> dict[str, Any]:
    """The values of a body's fields; raises REST framework's ValidationError (422), which names what is wrong."""
    fields.is_valid(raise_exception=True)
    return dict(fields.validated_data)
