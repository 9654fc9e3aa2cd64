"""What a browser says it is, as people call it."""

from __future__ import annotations

import re

from vsaas.accounts import acts

# Most telling first: Chrome's name stands in Edge's, Safari's in nearly all.
_BROWSERS = (
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Version/[\d.]+ .*Safari/"),
    ("curl", r"^curl/"),
    ("Python", r"^python-|^Python/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)


def device_words(user_agent: str) -> str:
    """What a person recognises a session by: "Chrome on Windows". Only what the browser says of itself."""
    return acts.device_spoken(device_of(user_agent))


def device_of(user_agent: str) -> str:
    """The same as the audit log keeps it."""
    browser = next((name for name, rule in _BROWSERS if re.search(rule, user_agent)), "")
    system = next((name for name, rule in _SYSTEMS if re.search(rule, user_agent)), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or acts.UNKNOWN_DEVICE
