"""What a reload has to restart: what changed, and only that. `changes` decides and touches nothing.

todo = changes(prints(running), prints(configuration))
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.config import Configuration
from agent.named_files import fingerprint


@dataclass(frozen=True, slots=True)
class Prints:
    """Fingerprints of a configuration's parts, the contents of named files included."""

    vault: str
    http: str
    live: str
    mqtt: str
    cameras: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """Cameras to stop and to start, and which rooms begin anew. `live` ends every view: its cameras changed."""

    gone: tuple[str, ...]
    came: tuple[str, ...]
    vault: bool
    live: bool
    mqtt: bool


def prints(configuration: Configuration) -> Prints:
    """Reads the named files now."""
    return Prints(
        vault=fingerprint(configuration.vault),
        http=fingerprint(configuration.http),
        live=fingerprint(configuration.live),
        mqtt="" if configuration.mqtt is None else fingerprint(configuration.mqtt),
        cameras={camera.id: fingerprint(camera) for camera in configuration.camera},
    )


def changes(old: Prints, new: Prints) -> Changes:
    """A camera that is as it was loses no picture, unless the vault itself changed."""
    vault = old.vault != new.vault
    kept = {name for name, value in new.cameras.items() if not vault and old.cameras.get(name) == value}
    gone = tuple(name for name in old.cameras if name not in kept)
    came = tuple(name for name in new.cameras if name not in kept)
    live = bool(gone or came) or old.http != new.http or old.live != new.live
    return Changes(gone, came, vault, live, old.mqtt != new.mqtt)
