"""When the next edit of a growing answer may go. Pure: the clock is passed in, in seconds."""

GAP_MAX = 15.0


class Pace:
    """The first message goes at once, the first edit soon after it, then one per interval. A
    homeserver that says "too fast" is obeyed, and asked less often for a while."""

    def __init__(self, interval: float):
        self._interval = interval
        self._gap = interval
        self._next = 0.0
        self._messages = 0

    def wait(self, now: float) -> float:
        """How long until something may be sent: 0 if it may now."""
        return max(0.0, self._next - now)

    def sent(self, now: float) -> None:
        self._messages += 1
        if self._messages == 1:
            self._next = now + self._interval / 2
            return
        self._gap = max(self._interval, self._gap * 0.9)
        self._next = now + self._gap

    def limited(self, now: float, retry_after: float) -> None:
        self._gap = min(GAP_MAX, max(self._gap * 2, retry_after))
        self._next = now + retry_after


class Allowance:
    """How many questions one person may ask: as many at once as in a minute, refilled evenly.
    Who has not asked for a minute is forgotten."""

    def __init__(self, per_minute: int):
        self._per_minute = per_minute
        self._left: dict[str, tuple[float, float]] = {}  # how many, when

    def take(self, user: str, now: float) -> float:
        """0: he may; else how many seconds until he may again."""
        if len(self._left) > 1000:
            self._left = {name: each for name, each in self._left.items() if now - each[1] < 60}
        left, then = self._left.get(user, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - then) * self._per_minute / 60)
        if left < 1:
            self._left[user] = (left, now)
            return (1 - left) * 60 / self._per_minute
        self._left[user] = (left - 1, now)
        return 0.0
