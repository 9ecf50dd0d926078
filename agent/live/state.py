"""What the status page is told each second: the mast's facts as JSON values, only of cameras that a grant covers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agent.clock import rfc3339
from agent.config import IceServer, read_secret
from agent.facts import CameraFacts, MastFacts
from agent.units import Blind


def camera_state(camera: CameraFacts, steering: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One camera's facts under the names that MQTT uses too; `steering` only for whom the grant lets steer."""
    blind = isinstance(camera.masks, Blind)
    return {
        "id": camera.id,
        "name": camera.name,
        "capture": camera.capture,
        "capture_reason": camera.capture_reason,
        "masks": "blind" if blind else "burned",
        "masks_reason": camera.masks.reason if isinstance(camera.masks, Blind) else "",
        "masked_share": 1.0 if isinstance(camera.masks, Blind) else round(camera.masks.share, 4),
        "fps": round(camera.fps, 1),
        "bitrate_kbps": round(camera.bitrate_kbps),
        "width": camera.width,
        "height": camera.height,
        "below_minimum": camera.below_minimum,
        "recording": camera.recording,
        "recording_reason": camera.recording_reason,
        "last_segment": camera.last_segment,
        "viewers": camera.viewers,
        "ptz": None if camera.ptz is None else asdict(camera.ptz),
        "steering": steering,
    }


def page_state(
    facts: MastFacts,
    covered: Collection[str],
    expires_at: int,
    servers: Sequence[IceServer],
    steering: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The answer to `GET /state`: `covered` cameras, when the grant ends (unix s), and how a browser finds the way.

    `steering`: how each camera stands that the grant lets steer.
    """
    return {
        "time": rfc3339(facts.wall.utc_ms),
        "synchronised": facts.wall.synchronised,
        "grant_expires": rfc3339(expires_at * 1000),
        "ice_servers": [ice_server(one) for one in servers],
        "cameras": [camera_state(one, steering.get(one.id)) for one in facts.cameras if one.id in covered],
    }


def ice_server(server: IceServer) -> dict[str, Any]:
    """An RTCIceServer dictionary as browsers take it; the password is read now."""
    told: dict[str, Any] = {"urls": list(server.urls)}
    if server.username:
        told |= {"username": server.username, "credential": read_secret(server.password_file)}
    return told


def ice_links(servers: Sequence[IceServer]) -> list[str]:
    """`Link` header values that tell a WHEP player the ICE servers (RFC 9725 section 4.6)."""
    links = []
    for server in servers:
        extra = ""
        if server.username:
            password = read_secret(server.password_file)
            extra = (
                f'; username="{_quoted(server.username)}"; credential="{_quoted(password)}"; credential-type="password"'
            )
        links += [f'<{url}>; rel="ice-server"{extra}' for url in server.urls]
    return links


def _quoted(text: str) -> str:
    """The inside of a quoted-string (RFC 9110 section 5.6.4), without what no header may hold."""
    printable = "".join(letter for letter in text if letter.isprintable())
    return printable.replace("\\", "\\\\").replace('"', '\\"')
