"""What each camera recorded in the last hour, as a table. A whole client of the REST API in a page.

    VSAAS_URL=https://portal.example.com VSAAS_TOKEN=vsaas_pat_… python example_client.py

The token needs the scopes camera:view and camera:playback. Needs httpx (`pip install httpx`) and nothing else.
"""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

TRIES = 5
CAMERAS_AT_ONCE = 64


class Portal:
    """The API of one organisation: the token knows which."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )

    def call(self, method: str, path: str, **more: Any) -> Any:
        """One request; waits and asks again when told to. For a POST pass `headers={"Idempotency-Key": …}`, so that asking
        again does nothing twice."""
        for attempt in range(1, TRIES + 1):
            reply = self.http.request(method, path, **more)
            if reply.status_code not in (429, 503) or attempt == TRIES:
                break
            time.sleep(float(reply.headers.get("Retry-After", 2**attempt)))
        if reply.is_error:  # problem details: type for programs, detail for people
            problem = reply.json()
            raise SystemExit(f"{problem['title']}: {problem['detail']} ({problem['type']})")
        return reply.json()

    def items(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        query: dict[str, Any] = {"limit": 500}
        while True:
            page = self.call("GET", path, params=query)
            yield from page["items"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]


def recorded_s(runs: list[list[Any]]) -> float:
    """Seconds of a timeline that can be watched. A run is [from_us, to_us, state, reason]."""
    return sum(to_us - from_us for from_us, to_us, state, _ in runs if state == "recorded") / 1_000_000


def main() -> None:
    portal = Portal(os.environ["VSAAS_URL"], os.environ["VSAAS_TOKEN"])
    until = datetime.now(UTC)
    hour = {"from": (until - timedelta(hours=1)).isoformat(), "to": until.isoformat()}
    cameras = list(portal.items("/cameras"))
    for start in range(0, len(cameras), CAMERAS_AT_ONCE):
        some = cameras[start : start + CAMERAS_AT_ONCE]
        ids = ",".join(camera["id"] for camera in some)
        lines = portal.call("GET", "/timeline", params={"cameras": ids, **hour})["cameras"]
        for camera in some:
            minutes = recorded_s(lines[camera["id"]]["runs"]) / 60
            sys.stdout.write(
                f"{camera['site']:20} {camera['name']:30} {camera['state']:14} {minutes:5.1f} min\n"
            )


if __name__ == "__main__":
    main()
