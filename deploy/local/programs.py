"""For developers of integrations: watching events, and sending sample ones."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
from standardwebhooks import Webhook

WAIT_SECONDS = 25
ANSWER_SECONDS = 10.0
AGAIN_SECONDS = 1.0

Event = dict[str, Any]


def follow(feed: httpx2.Client, types: str = "") -> Iterator[Event]:
    """The feed's events from now on, as they come; continues after the service was unavailable."""
    chosen = {"types": types} if types else {}
    after: int | None = None
    while True:
        try:
            asked = {"limit": 1} if after is None else {"after": after, "wait": WAIT_SECONDS}
            answer = feed.get("/v1/events", params={**chosen, **asked})
        except httpx2.TransportError:
            time.sleep(AGAIN_SECONDS)
            continue
        if answer.is_server_error:
            time.sleep(AGAIN_SECONDS)
            continue
        if answer.is_error:
            raise SystemExit(f"{answer.status_code}: {answer.json()['detail']}")
        page = answer.json()
        if after is None:
            after = page["last"]
            continue
        yield from page["items"]
        after = page["next"]
        time.sleep(float(answer.headers.get("Retry-After", 0)))


def post(event: Event, address: str, secret: str) -> str:
    """Send an event as a webhook; returns the result in words."""
    body, now, event_id = msgspec.json.encode(event).decode(), datetime.now(UTC), str(event["id"])
    headers = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, body),
        **({"webhook-test": "true"} if event.get("test") else {}),
    }
    try:
        answer = httpx2.post(address, content=body, headers=headers, timeout=ANSWER_SECONDS)
    except httpx2.HTTPError as error:
        return f"not taken: {type(error).__name__}"
    return f"{answer.status_code} {answer.reason_phrase}"


def listen(feed: httpx2.Client, say: Callable[[str], None], *, types: str, to: str, secret: str) -> None:
    """Print each event of the feed as it comes, and post it to an address, if given, until stopped."""
    for event in follow(feed, types):
        line = f"{event['occurred_at']}  {event['position']:>8}  {event['type']:<28} {event['number']}"
        say(f"{line}  → {post(event, to, secret)}" if to else line)
