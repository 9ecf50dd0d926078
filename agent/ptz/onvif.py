"""The head itself, over ONVIF: what it is asked and ordered; `soap` says how.

    client = OnvifClient(url, "vigie", "secret", ca_file=None, ranges=(pan_deg, tilt_deg))
    client.connect(deadline_s=10)
    report = client.report(deadline_s=2)
    client.drive(0.2, 0.0, 0.0)

Every call blocks until its deadline at the most, so each client lives in a thread of its own (`head`). One client asks
and another orders: a head that takes seconds to say where it is must not hold up a Stop.

Laws
- What a head answers is read as `soap` lays down; service addresses that it names are taken for their path only:
  credentials go to the configured host alone.
- Source: ONVIF PTZ Service Specification 5.3 (orders), 5.2 (spaces); the camera's own time by GetSystemDateAndTime.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agent.addresses import split_url
from agent.clock import Clock, Instant
from agent.errors import HeadRefused, HeadSilent
from agent.language import say
from agent.ptz.evidence import Report
from agent.ptz.metadata_link import Login, MetadataLink
from agent.ptz.rtsp import LONGEST_URL, at_home
from agent.ptz.soap import Question, Soap, number_of, text_of, unreadable
from agent.ptz.spaces import VELOCITY, ZOOM, ZOOM_VELOCITY, Spaces
from agent.ptz.status import BadDocument, Told, told_in

MOVE_TIMEOUT = timedelta(seconds=1)
"""A head that hears nothing more stops by itself."""
MOST_PRESETS = 512
ENVELOPE = "{http://www.w3.org/2003/05/soap-envelope}"
PTZ = "{http://www.onvif.org/ver20/ptz/wsdl}"
STATUS = f"{ENVELOPE}Envelope", f"{ENVELOPE}Body", f"{PTZ}GetStatusResponse", f"{PTZ}PTZStatus"


@dataclass(frozen=True, slots=True)
class Preset:
    """A position that the head remembers; its pose where the head tells it."""

    token: str
    name: str
    pan_deg: float | None = None
    tilt_deg: float | None = None
    zoom: float | None = None


class OnvifClient:
    """One connection to one head; one thread uses it, any thread may `cut` it."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        clock: Clock,
        ranges: tuple[tuple[float, float], tuple[float, float]],
        ca_file: Path | None = None,
    ) -> None:
        self._url = url
        self._username = username
        self._password = password
        self._clock = clock
        self._soap = Soap(username, password, ca_file)
        self._ca_file = ca_file
        self.spaces = Spaces(*ranges, degrees=False)
        """How this head counts."""
        self._services: dict[str, Any] = {}
        self._profile = ""
        self._streaming = ""
        self._question: Question | None = None

    def cut(self) -> None:
        """Ends what is under way with HeadSilent; the next call opens another connection."""
        self._soap.cut()

    def close(self) -> None:
        """Closes the connection."""
        self._soap.close()

    @property
    def sent(self) -> Instant:
        """When the last request had left this machine."""
        return self._soap.sent

    @property
    def connected(self) -> bool:
        """True once `connect` has found a profile that turns."""
        return bool(self._profile)

    # --- finding the way ---

    def connect(self, deadline_s: float) -> None:
        """Finds time, services, profile and spaces; HeadError when one is missing, and then nothing is left open."""
        try:
            self._find(deadline_s)
        except BaseException:
            self.close()
            raise

    def _find(self, deadline_s: float) -> None:
        until = self._clock.instant() + int(deadline_s * 1e9)

        def left() -> float:
            return max(0.001, (until - self._clock.instant()) / 1e9)

        self._profile = self._streaming = ""
        self._question = None
        self._services = {"devicemgmt": self._soap.service("devicemgmt", self._url)}
        self._learn_time(left())
        abilities = self._call("devicemgmt", "GetCapabilities", {"Category": "All"}, left())
        for name, part in (("media", "Media"), ("ptz", "PTZ")):
            address = text_of(getattr(getattr(abilities, part, None), "XAddr", ""))
            if not address:
                raise HeadRefused(say(en=f"the camera has no {part} service", fr=f"caméra sans service {part}"))
            self._services[name] = self._soap.service(name, self._at_home(address))
        profiles = self._call("media", "GetProfiles", {}, left())
        turning = next((one for one in profiles or [] if getattr(one, "PTZConfiguration", None) is not None), None)
        if turning is None:
            raise HeadRefused(say(en="no profile of the camera turns", fr="aucun profil de la caméra ne tourne"))
        self._learn_spaces(turning.PTZConfiguration, left())
        self._profile = text_of(turning.token)
        self._streaming = _streaming(profiles, turning)
        self._question = self._soap.question(
            "ptz", self._services["ptz"].xaddr, "GetStatus", {"ProfileToken": self._profile}
        )

    def _at_home(self, address: str) -> str:
        """`address` on the configured host: heads behind a router name addresses of another network."""
        mine, theirs = urlsplit(self._url), urlsplit(address)
        return urlunsplit((mine.scheme, mine.netloc, theirs.path or "/", theirs.query, ""))

    def _learn_time(self, deadline_s: float) -> None:
        """The camera's clock against ours, so that its WS-Security takes our tokens; a refusal leaves them equal."""
        if not self._soap.signs:
            return
        self._soap.set_skew(timedelta(0))
        try:
            told = self._call("devicemgmt", "GetSystemDateAndTime", {}, deadline_s).UTCDateTime
            date, at = told.Date, told.Time
            theirs = datetime(date.Year, date.Month, date.Day, at.Hour, at.Minute, min(59, at.Second), tzinfo=UTC)
            self._soap.set_skew(theirs - datetime.now(UTC))
        except (HeadRefused, AttributeError, TypeError, ValueError):
            return

    def _learn_spaces(self, configuration: Any, deadline_s: float) -> None:
        token = text_of(getattr(configuration, "NodeToken", ""))
        try:
            node = self._call("ptz", "GetNode", {"NodeToken": token}, deadline_s)
        except HeadRefused:
            return  # the generic spaces are every head's duty (ONVIF PTZ 5.2.1)
        offered = getattr(getattr(node, "SupportedPTZSpaces", None), "AbsolutePanTiltPositionSpace", None) or []
        names = [text_of(getattr(one, "URI", "")) for one in offered]
        degrees = any(name.endswith("SphericalPositionSpaceDegrees") for name in names)
        self.spaces = Spaces(self.spaces.pan_deg, self.spaces.tilt_deg, degrees)

    # --- asking ---

    def report(self, deadline_s: float) -> Report:
        """Where the head says it is; HeadSilent when it does not say."""
        asked = self._clock.instant()
        if self._question is None:
            raise _unconnected()
        told = self._soap.ask(self._question, status_in, deadline_s)
        report = told.report(self.spaces, asked, self._soap.received)
        if report is None:
            raise unreadable()
        return report

    def metadata(self, deadline_s: float) -> MetadataLink | None:
        """The stream that tells the head's position of its own accord, not yet open; None where it is not offered."""
        if not self._streaming:
            return None
        wanted = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        try:
            told = self._call(
                "media", "GetStreamUri", {"StreamSetup": wanted, "ProfileToken": self._streaming}, deadline_s
            )
        except HeadRefused:
            return None
        url = _stream_at(text_of(getattr(told, "Uri", ""), LONGEST_URL), self._url)
        plain = self._url.startswith("http:")
        login = Login(self._username, self._password, self._ca_file, plain)
        return MetadataLink(url, login, self._clock) if url else None

    def presets(self, deadline_s: float) -> tuple[Preset, ...]:
        """What the head remembers."""
        found = self._call("ptz", "GetPresets", {"ProfileToken": self._profile}, deadline_s) or []
        return tuple(self._preset(one) for one in found[:MOST_PRESETS] if text_of(getattr(one, "token", "")))

    def _preset(self, one: Any) -> Preset:
        position = getattr(one, "PTZPosition", None)
        pan, tilt = self._angles(position) or (None, None)
        zoom = getattr(getattr(position, "Zoom", None), "x", None)
        name = text_of(getattr(one, "Name", ""))
        return Preset(text_of(one.token), name, pan, tilt, None if zoom is None else number_of(zoom))

    def _angles(self, position: Any) -> tuple[float, float] | None:
        turn = getattr(position, "PanTilt", None)
        if turn is None:
            return None
        return self.spaces.degrees_of(number_of(turn.x), number_of(turn.y), text_of(getattr(turn, "space", "")))

    # --- ordering ---

    def drive(self, pan: float, tilt: float, zoom: float, deadline_s: float) -> None:
        """ContinuousMove, each -1..1, all axes named: a zero stops its axis; it ends by itself after a second."""
        velocity = {
            "PanTilt": {"x": pan, "y": tilt, "space": VELOCITY},
            "Zoom": {"x": zoom, "space": ZOOM_VELOCITY},
        }
        self._order("ContinuousMove", {"Velocity": velocity, "Timeout": MOVE_TIMEOUT}, deadline_s)

    def stop(self, deadline_s: float, *, turning: bool = True, zooming: bool = True) -> None:
        """Stop of the axes named."""
        self._order("Stop", {"PanTilt": turning, "Zoom": zooming}, deadline_s)

    def go(self, pan_deg: float | None, tilt_deg: float | None, zoom: float | None, deadline_s: float) -> None:
        """AbsoluteMove; what is None stays as it is (pan and tilt go together)."""
        position: dict[str, Any] = {}
        if pan_deg is not None and tilt_deg is not None:
            x, y, space = self.spaces.position_of(pan_deg, tilt_deg)
            position["PanTilt"] = {"x": x, "y": y, "space": space}
        if zoom is not None:
            position["Zoom"] = {"x": zoom, "space": ZOOM}
        self._order("AbsoluteMove", {"Position": position}, deadline_s)

    def go_preset(self, token: str, deadline_s: float) -> None:
        """GotoPreset."""
        self._order("GotoPreset", {"PresetToken": token}, deadline_s)

    def go_home(self, deadline_s: float) -> None:
        """GotoHomePosition."""
        self._order("GotoHomePosition", {}, deadline_s)

    def set_preset(self, name: str, token: str, deadline_s: float) -> str:
        """Remembers where the head is; an empty `token` makes a new preset. The preset's token."""
        wanted = {"PresetName": name, **({"PresetToken": token} if token else {})}
        return text_of(self._order("SetPreset", wanted, deadline_s))

    def _order(self, operation: str, fields: dict[str, Any], deadline_s: float) -> Any:
        return self._call("ptz", operation, {"ProfileToken": self._profile, **fields}, deadline_s)

    def _call(self, service: str, operation: str, fields: dict[str, Any], deadline_s: float) -> Any:
        held = self._services.get(service)
        if held is None:
            raise _unconnected()
        return self._soap.call(held, operation, fields, deadline_s)


def status_in(answer: bytes) -> Told | None:
    """The position in an answer to GetStatus; None where there is none, or more than one; HeadSilent for no XML."""
    try:
        told = told_in(answer, *STATUS)
    except BadDocument:
        raise unreadable() from None
    return told[0] if len(told) == 1 else None


def _unconnected() -> HeadSilent:
    return HeadSilent(say(en="the head is not connected", fr="tête non connectée"))


def _streaming(profiles: Sequence[Any], turning: Any) -> str:
    """The token of a profile of the same head whose metadata tells its position; empty where there is none."""
    node = text_of(turning.PTZConfiguration.NodeToken)
    for one in (turning, *profiles):
        status = getattr(getattr(one, "MetadataConfiguration", None), "PTZStatus", None)
        head = getattr(getattr(one, "PTZConfiguration", None), "NodeToken", "")
        if getattr(status, "Position", False) is True and text_of(head) == node:
            return text_of(one.token)
    return ""


def _stream_at(url: str, device: str) -> str:
    """The stream's address on the host of `device`, with the port that the camera names; empty: none of ours."""
    theirs, host = split_url(url), urlsplit(device).hostname or ""
    if theirs is None or theirs.scheme not in ("rtsp", "rtsps"):
        return ""
    host = f"[{host}]" if ":" in host else host
    port = f":{theirs.port}" if theirs.port else ""
    return at_home(url, f"{theirs.scheme}://{host}{port}")
