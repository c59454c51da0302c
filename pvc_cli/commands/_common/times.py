"""Times for people."""

import datetime
import time


def time_text(timestamp: float | None) -> str:
    """Return *timestamp*, in seconds since 1970, as text in UTC; a question mark if there is none, or no such day."""
    try:
        moment = datetime.datetime.fromtimestamp(timestamp or 0, tz=datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return "?"
    return "?" if timestamp is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def short_time_text(timestamp: float) -> str:
    """Return *timestamp*, in seconds since 1970, as this machine's time, like ``ls -l``: of other years, the day."""
    try:
        moment, today = (datetime.datetime.fromtimestamp(at).astimezone() for at in (timestamp, time.time()))
    except (OverflowError, OSError, ValueError):
        return "?"
    return moment.strftime("%b %d %H:%M" if moment.year == today.year else "%b %d  %Y")


def local_time_text(text: str) -> str:
    """Return a node's local time, as its daemons write it in several ways, to the second; other text stays."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def age_text(seconds: float) -> str:
    """Return how long something lasts or is past, in the largest unit of which it has two."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
