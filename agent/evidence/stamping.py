"""A pack's time-stamp (RFC 3161), asked while the pack is bound. Blocks; a thread of the desk's waits.

Law: a service that is away, slow or hostile costs the stamp, never the pack. The leaflets say that there is none, and
the log says why.
"""

import asyncio
import logging
from hashlib import sha256

from agent.errors import StampRefused
from agent.faults import one_line
from agent.timestamping import Stamp, TimestampService

log = logging.getLogger(__name__)


def stamp(service: TimestampService, manifest: bytes) -> Stamp | None:
    """That this manifest.json was there, said by the service; None when it did not say so in time."""
    try:
        return asyncio.run(service.ask(sha256(manifest).digest()))
    except (StampRefused, OSError, ValueError) as error:  # OSError, ValueError: of [timestamp] ca_file
        log.error("the pack goes without a time-stamp: %s: %s", service.configured.url, one_line(str(error)))
        return None
