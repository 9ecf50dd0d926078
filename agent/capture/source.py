"""What is to be captured, as values, and how libavformat is asked for it. Decides; opens nothing."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

OPEN_TIMEOUT_S = 10.0
V4L2_SIZE = "1280x720"
ANALYSE_US = 100_000
"""Nothing is guessed from a longer look: the decoder reads sizes from the stream, rates come from the configuration.
`nobuffer` is not asked for: it throws away the keyframe that was looked at, and the picture then waits for the next."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One camera's source; `url` is free of credentials, as in the configuration."""

    camera: str
    url: str
    fps: float
    stall_s: float = 5.0
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What `av.open` is given: `location` may hold credentials and is never shown."""

    location: str = field(repr=False)
    container: str | None
    options: dict[str, str] = field(repr=False)
    looped: bool
    plainer: dict[str, str] | None = None
    """Options to try where the first ones are refused."""


def _with_credentials(settings: SourceSettings) -> str:
    parts = urlsplit(settings.url)
    if not settings.username:
        return settings.url
    userinfo = f"{quote(settings.username, safe='')}:{quote(settings.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc}"))


def opening(settings: SourceSettings) -> Opening:
    """How to open `settings` with libavformat."""
    scheme, _, rest = settings.url.partition(":")
    if scheme == "file":
        return Opening(rest, None, {}, looped=True)
    if scheme == "v4l2":
        # A driver takes the nearest size that it has. Above VGA, USB cameras reach full rate as MJPEG only.
        options = {"framerate": f"{settings.fps:g}", "video_size": V4L2_SIZE, "input_format": "mjpeg"}
        return Opening(rest, "v4l2", options, looped=False, plainer={"framerate": options["framerate"]})
    options = {
        "rtsp_transport": "tcp",
        "allowed_media_types": "video",  # the audio track is not even set up
        "timeout": str(int(settings.stall_s * 1e6)),
        "analyzeduration": str(ANALYSE_US),
        "fpsprobesize": "0",
    }
    if scheme == "rtsps":
        options["tls_verify"] = "1"
        if settings.ca_file is not None:
            options["ca_file"] = str(settings.ca_file)
    return Opening(_with_credentials(settings), "rtsp", options, looped=False)
