"""Times for people."""

import datetime


def time_text(timestamp: float | None) -> str:
    """Return *timestamp*, in seconds since 1970, as text in UTC; a question mark if there is none, or no such day."""
    try:
        moment = datetime.datetime.fromtimestamp(timestamp or 0, tz=datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return "?"
    return "?" if timestamp is None else moment.strftime("%Y-%m-%d %H:%M UTC")
