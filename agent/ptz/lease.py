"""Who holds the head, and who asks too often. Pure: grants' numbers and `now` in, decisions out.

>>> lease = Lease()
>>> lease.claim(Holder("grant-1", priority=0), now)      # nobody else steers for LEASE_S after each order

Laws
- One holder at a time. Another of higher priority takes the head over at once; any other is told until when to wait.
- At most `FLOOD` orders a second from one holder; what comes above is refused and costs nothing further.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

from agent.clock import Instant
from agent.errors import OrderRefused
from agent.language import say

LEASE_S = 10.0
FLOOD = 40
MOST_HOLDERS = 256
S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever steers: a grant's `jti` and priority."""

    jti: str
    priority: int


@dataclass(frozen=True, slots=True)
class Held:
    """The head in somebody's hands: `number` is their name in events; `since` and `until` monotonic."""

    holder: Holder
    number: int
    since: Instant
    until: Instant


class Lease:
    """One head's lease."""

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self._lease = int(lease_s * S)
        self._held: Held | None = None
        self._last_number = 0

    def held(self, now: Instant) -> Held | None:
        """Who holds the head at `now`."""
        return self._held if self._held is not None and now < self._held.until else None

    def require_free(self, who: Holder, now: Instant) -> Held | None:
        """Who holds the head; OrderRefused (409) while another than `who` may keep it."""
        held = self.held(now)
        if held is not None and held.holder.jti != who.jti and who.priority <= held.holder.priority:
            left_s = (held.until - now) / S
            seconds = math.ceil(left_s)
            raise OrderRefused(
                say(
                    en=f"another holds this camera for {seconds} s more at least; wait, or ask for a higher priority",
                    fr=f"un autre tient cette caméra encore {seconds} s au moins ; attendre, ou demander une priorité",
                ),
                409,
                "held",
                left_s,
            )
        return held

    def claim(self, who: Holder, now: Instant) -> Held:
        """The head for `who` until `LEASE_S` from now; OrderRefused (409) while another may keep it."""
        held = self.require_free(who, now)
        until = Instant(now + self._lease)
        if held is not None and held.holder.jti == who.jti:
            self._held = Held(who, held.number, held.since, until)
        else:
            self._last_number += 1
            self._held = Held(who, self._last_number, now, until)
        return self._held

    def release(self) -> None:
        """Nobody holds the head."""
        self._held = None


class Flood:
    """Counts orders by holder: `FLOOD` a second, and as many at once."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, Instant]] = OrderedDict()
        self.refused = 0

    def count(self, jti: str, now: Instant) -> None:
        """One more order; OrderRefused (429) when there were too many."""
        left, since = self._buckets.pop(jti, (float(FLOOD), now))
        left = min(float(FLOOD), left + (now - since) / S * FLOOD)
        allowed = left >= 1
        self._buckets[jti] = (left - 1 if allowed else left, now)
        while len(self._buckets) > MOST_HOLDERS:
            self._buckets.popitem(last=False)
        if not allowed:
            self.refused += 1
            raise OrderRefused(
                say(
                    en=f"more than {FLOOD} orders a second; send fewer, a velocity lasts 500 ms",
                    fr=f"plus de {FLOOD} ordres par seconde ; en envoyer moins, une vitesse dure 500 ms",
                ),
                429,
                "flood",
                1.0,
            )
