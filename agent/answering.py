"""The requisitions' desk of one mast, from its configuration: what `rooms.py` builds, and replaces on a reload, and
what `vigie export` builds where no agent runs."""

from collections.abc import Callable

from agent import __version__
from agent.access.requisitions import fingerprint
from agent.clock import Clock
from agent.config import Configuration
from agent.evidence.binding import Book, Mast
from agent.evidence.counter import Counter
from agent.evidence.desk import Desk, Recordings
from agent.evidence.packing import About, CameraName
from agent.identity import DeviceIdentity
from agent.timestamping import TimestampService


def mast_of(configuration: Configuration, identity: DeviceIdentity) -> Mast:
    """Who answers, and by whose signatures."""
    mast = configuration.mast
    about = About(
        town=mast.town,
        mast=mast.id,
        site=mast.site,
        version=__version__,
        configuration_sha256=configuration.sha256,
        device=fingerprint(identity.key.public_key()),
        cameras={one.id: CameraName(one.name, one.kind) for one in configuration.camera},
    )
    access = configuration.access
    service = None if configuration.timestamp is None else TimestampService(configuration.timestamp)
    return Mast(about, identity, access.requisition_keys(), access.requisition_threshold, service)


def desk_of(
    configuration: Configuration,
    identity: DeviceIdentity,
    vault: Callable[[], Recordings],
    book: Book,
    clock: Clock,
) -> Desk:
    """The desk; `vault`: the one that is open now."""
    return Desk(mast_of(configuration, identity), vault, book, clock)


def counter_of(
    configuration: Configuration,
    identity: DeviceIdentity,
    vault: Callable[[], Recordings],
    book: Book,
    clock: Clock,
) -> Counter:
    """The desk as the event loop sees it."""
    return Counter(desk_of(configuration, identity, vault, book, clock))
