"""Waiting for a state, never for a length of time."""

import time


class NotInTime(AssertionError):
    """What was waited for didn't come about; the message has the last thing seen."""


def wait_until(predicate, timeout=120, what="the condition", interval=0.02):
    """Polls predicate until it returns something true, which is returned.

    timeout is in seconds and only there so that a broken test ends: generous on purpose. What the
    daemon tries again once a minute may come at the second try.
    """
    deadline = time.monotonic() + timeout
    seen = predicate()
    while not seen:
        if time.monotonic() > deadline:
            raise NotInTime(f"{what} did not come about within {timeout} s; last seen: {seen!r}")
        time.sleep(interval)
        seen = predicate()
    return seen
