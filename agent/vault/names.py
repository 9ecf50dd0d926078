"""Segments' names: one form, unique and ordered per camera whatever the clock does. Pure.

>>> segment_name("parvis-fixed", 1795379831042)
'segments/parvis-fixed/2026/11/22/20261122T203711.042Z.mp4.age'

A name is the path relative to the state directory, with `/`. While the segment is open, `.part` follows it.
"""

import re
from datetime import UTC, datetime

FOLDER = "segments"
TRACKS = "tracks"
SUFFIX = ".mp4.age"
PART = ".part"
FILE_CHARACTERS = len("20261122T203711.042Z") + len(SUFFIX)

_FORM = re.compile(
    FOLDER + r"/(?P<camera>[a-z0-9-]{1,40})/(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/"
    r"(?P<date>\d{8})T(?P<time>\d{6})\.(?P<ms>\d{3})Z" + re.escape(SUFFIX)
)


def next_name_ms(wall_ms: int, last_ms: int | None) -> int:
    """The time that names the next segment, UTC ms: the clock's, or 1 ms after the last name when that is not later."""
    return wall_ms if last_ms is None or wall_ms > last_ms else last_ms + 1


def day_folder(camera: str, name_ms: int) -> str:
    """The folder of one camera's day, relative to the state directory."""
    moment = datetime.fromtimestamp(name_ms // 1000, tz=UTC)
    return f"{FOLDER}/{camera}/{moment:%Y/%m/%d}"


def segment_name(camera: str, name_ms: int) -> str:
    """The name of the segment of `camera` whose first frame was taken at `name_ms`."""
    moment = datetime.fromtimestamp(name_ms // 1000, tz=UTC)
    return f"{day_folder(camera, name_ms)}/{moment:%Y%m%dT%H%M%S}.{name_ms % 1000:03d}Z{SUFFIX}"


def parse_name(name: str) -> tuple[str, int] | None:
    """(camera, UTC ms) of a segment's name; None for anything that `segment_name` cannot have made."""
    match = _FORM.fullmatch(name)
    if match is None:
        return None
    try:
        moment = datetime.strptime(match["date"] + match["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    name_ms = int(moment.timestamp()) * 1000 + int(match["ms"])
    camera = match["camera"]
    return (camera, name_ms) if segment_name(camera, name_ms) == name else None
