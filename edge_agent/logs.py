"""The log: lines for people, or one JSON object a line for programs. Credentials in addresses never come through."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

from edge_agent.capture.source import without_credentials

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
# Presigned addresses are permissions: what they hold stands behind the question mark.
_QUERY: Final = re.compile(r"(?i)\b((?:https?|wss?|rtsps?)://[^\s?\"'<>]+)\?[^\s\"'<>]+")
_AUTHORIZATION: Final = re.compile(
    r"(?i)\b((?:proxy-)?authorization\W{1,4}(?:basic|digest|bearer)\s+)[^\r\n'\"]+"
)


def without_secrets(text: str) -> str:
    """The text without user names and passwords in addresses, queries of addresses, and credentials of requests."""
    text = _QUERY.sub(r"\1?…", without_credentials(text))
    return _AUTHORIZATION.sub(r"\1…", text)


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonFormatter(logging.Formatter):
    """`time` (UTC, ISO 8601), `level`, `logger`, `thread`, `message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def log_to_stderr(level: str, form: str) -> None:
    """Set the log up once for the process."""
    handler = logging.StreamHandler(sys.stderr)
    text = TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These libraries log whole URLs: presigned ones are permissions, and camera addresses hold passwords.
    for name in ("httpx", "httpcore", "websockets", "libav"):
        logging.getLogger(name).setLevel(logging.WARNING)
