"""When a view is over, and why. Pure.

Laws
- A view ends with its grant, by wall time and by the monotonic clock, whichever comes first: setting the clock back
  prolongs nothing. A clock that is no longer trusted ends it too: nobody can say whether the grant still counts.
- A viewer that is not connected within `CONNECT_S` is gone.

>>> over(terms, standing, now=clock.instant(), wall=clock.wall())    # "" while it goes on
"""

from dataclasses import dataclass
from typing import Literal

from agent.clock import Instant, WallTime

CONNECT_S = 15
Reason = Literal["left", "grant-expired", "grant-revoked", "connection-lost", "stopping"]


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what a view was opened. `expires_at`: unix seconds; `opened` and `until`: monotonic."""

    expires_at: int
    opened: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Standing:
    """How the view's connection stands."""

    connected: bool
    gone: bool


def terms(expires_at: int, now: Instant, wall: WallTime) -> Terms:
    """The terms of a view that is opened `now` under a grant that ends at `expires_at`."""
    return Terms(expires_at, now, Instant(now + expires_at * 10**9 - wall.utc_ns))


def over(terms: Terms, standing: Standing, now: Instant, wall: WallTime) -> Reason | None:
    """Why the view is over now, or None while it goes on."""
    if now >= terms.until or wall.utc_ns >= terms.expires_at * 10**9 or not wall.trusted:
        return "grant-expired"
    if standing.gone or (not standing.connected and now - terms.opened > CONNECT_S * 10**9):
        return "connection-lost"
    return None


def remaining_s(terms: Terms, now: Instant) -> float:
    """Seconds until the grant ends, never negative."""
    return max(0.0, (terms.until - now) / 10**9)
