"""The head itself, over ONVIF: the only file that touches onvif-zeep, and what it is made of.

    client = OnvifClient(url, "vigie", "secret", ca_file=None, ranges=(pan_deg, tilt_deg))
    client.connect(deadline_s=10)
    report = client.report(deadline_s=2)
    client.drive(0.2, 0.0, 0.0)

Every call blocks until its deadline at the most, so each client lives in a thread of its own (`head`). One client asks
and another orders: a head that takes seconds to say where it is must not hold up a Stop.

Laws
- Whatever a head answers is judged as a stranger's: no DTD, no entities, no multipart, bounded by `wire`, and only the
  service files that come with the library are ever read. What cannot be understood is HeadSilent.
- Service addresses that a head names are taken for their path only: credentials go to the configured host alone.
- Source: ONVIF PTZ Service Specification 5.3 (orders), 5.2 (spaces); Core 5.9.4 (WS-Security); the token's time is the
  camera's own, by GetSystemDateAndTime.
"""

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agent.addresses import split_url
from agent.clock import Clock, Instant
from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.language import say
from agent.ptz.evidence import Report
from agent.ptz.metadata_link import Login, MetadataLink
from agent.ptz.rtsp import LONGEST_URL, at_home
from agent.ptz.spaces import VELOCITY, ZOOM, ZOOM_VELOCITY, Spaces
from agent.ptz.status import Told
from agent.ptz.wire import Answer, Wire

_quiet = logging.NullHandler()
logging.root.addHandler(_quiet)  # onvif-zeep calls basicConfig when it is imported, which does nothing to a root in use
import onvif  # type: ignore[import-untyped]  # noqa: E402
from onvif.definition import SERVICES  # type: ignore[import-untyped]  # noqa: E402
from onvif.exceptions import ONVIFError  # type: ignore[import-untyped]  # noqa: E402
from zeep import Client, Settings, Transport  # noqa: E402
from zeep.exceptions import Error as ZeepError  # noqa: E402
from zeep.exceptions import Fault, TransportError  # noqa: E402
from zeep.wsdl import Document  # noqa: E402
from zeep.wsse.username import UsernameToken  # noqa: E402

logging.root.removeHandler(_quiet)
logging.getLogger("zeep").setLevel(logging.CRITICAL)
logging.getLogger("onvif").setLevel(logging.CRITICAL)

WSDL = Path(os.path.dirname(os.path.dirname(onvif.__file__))) / "wsdl"
MOVE_TIMEOUT = timedelta(seconds=1)
"""A head that hears nothing more stops by itself."""
UNAUTHORIZED = frozenset({"NotAuthorized", "FailedAuthentication", "FailedCheck", "InvalidSecurityToken"})
MOST_PRESETS = 512
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Preset:
    """A position that the head remembers; its pose where the head tells it."""

    token: str
    name: str
    pan_deg: float | None = None
    tilt_deg: float | None = None
    zoom: float | None = None


class _Bounded(Transport):
    """zeep's way to the network: through `wire`, and to no file but the library's own."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wire = wire
        self.deadline_s = 5.0
        self.answer: Answer | None = None

    def load(self, url: str) -> bytes:
        path = Path(url.removeprefix("file://")).resolve()
        if not path.is_relative_to(WSDL.resolve()):
            raise HeadSilent(say(en="the head's answer names another document", fr="réponse renvoyant ailleurs"))
        return path.read_bytes()

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> "_Response":
        answer = self._wire.post(address, message, headers.get("Content-Type", ""), self.deadline_s)
        self.answer = answer
        kind = answer.content_type.partition(";")[0].strip().lower()
        if kind.startswith("multipart/") or b"\0" in answer.body or b"<!DOCTYPE" in answer.body[:4096]:
            raise _unreadable()
        return _Response(answer)


class _Response:
    """What zeep reads of a response."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.content = answer.body
        self.headers = {"Content-Type": answer.content_type or "text/xml"}
        self.encoding = "utf-8"


class _Token(UsernameToken):
    """A UsernameToken with digest, in the camera's own time (OASIS UsernameToken Profile 1.1)."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password, use_digest=True, zulu_timestamp=True)  # type: ignore[no-untyped-call]
        self.skew = timedelta(0)

    def apply(self, envelope: Any, headers: Any) -> Any:
        self.created = datetime.now(UTC) + self.skew
        return super().apply(envelope, headers)  # type: ignore[no-untyped-call]


_SETTINGS = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False)


@lru_cache(maxsize=4)
def _document(name: str) -> Document:
    """A service's description, read once for all heads."""
    settings = Settings(strict=True, xml_huge_tree=False)
    location = str(WSDL / SERVICES[name]["wsdl"])
    return Document(location, _Bounded(Wire("", "")), settings=settings)  # type: ignore[arg-type]


def _unreadable() -> HeadSilent:
    return HeadSilent(say(en="the head's answer cannot be read", fr="réponse de la tête illisible"))


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
        self._wire = Wire(username, password, ca_file)
        self._transport = _Bounded(self._wire)
        self._token = _Token(username, password) if username else None
        self._ca_file = ca_file
        self.spaces = Spaces(*ranges, degrees=False)
        """How this head counts."""
        self._services: dict[str, Any] = {}
        self._profile = ""
        self._streaming = ""

    def cut(self) -> None:
        """Ends what is under way with HeadSilent; the next call opens another connection."""
        self._wire.cut()

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()

    @property
    def sent(self) -> Instant:
        """When the last request had left this machine."""
        return Instant(self._wire.sent_ns)

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
        self._services = {"devicemgmt": self._service("devicemgmt", self._url)}
        self._learn_time(left())
        abilities = self._call("devicemgmt", "GetCapabilities", {"Category": "All"}, left())
        for name, part in (("media", "Media"), ("ptz", "PTZ")):
            address = _text(getattr(getattr(abilities, part, None), "XAddr", ""))
            if not address:
                raise HeadRefused(say(en=f"the camera has no {part} service", fr=f"caméra sans service {part}"))
            self._services[name] = self._service(name, self._at_home(address))
        profiles = self._call("media", "GetProfiles", {}, left())
        turning = next((one for one in profiles or [] if getattr(one, "PTZConfiguration", None) is not None), None)
        if turning is None:
            raise HeadRefused(say(en="no profile of the camera turns", fr="aucun profil de la caméra ne tourne"))
        self._learn_spaces(turning.PTZConfiguration, left())
        self._profile = _text(turning.token)
        self._streaming = _streaming(profiles, turning)

    def _service(self, name: str, address: str) -> Any:
        client = Client(_document(name), wsse=self._token, transport=self._transport, settings=_SETTINGS)  # type: ignore[no-untyped-call]
        entry = SERVICES[name]
        return onvif.ONVIFService(
            address,
            self._username,
            self._password,
            str(WSDL / entry["wsdl"]),
            zeep_client=client,
            binding_name=f"{{{entry['ns']}}}{entry['binding']}",
        )

    def _at_home(self, address: str) -> str:
        """`address` on the configured host: heads behind a router name addresses of another network."""
        mine, theirs = urlsplit(self._url), urlsplit(address)
        return urlunsplit((mine.scheme, mine.netloc, theirs.path or "/", theirs.query, ""))

    def _learn_time(self, deadline_s: float) -> None:
        """The camera's clock against ours, so that its WS-Security takes our tokens; a refusal leaves them equal."""
        if self._token is None:
            return
        held, self._token.skew = self._token, timedelta(0)
        try:
            told = self._call("devicemgmt", "GetSystemDateAndTime", {}, deadline_s).UTCDateTime
            date, at = told.Date, told.Time
            theirs = datetime(date.Year, date.Month, date.Day, at.Hour, at.Minute, min(59, at.Second), tzinfo=UTC)
            held.skew = theirs - datetime.now(UTC)
        except (HeadRefused, AttributeError, TypeError, ValueError):
            return

    def _learn_spaces(self, configuration: Any, deadline_s: float) -> None:
        token = _text(getattr(configuration, "NodeToken", ""))
        try:
            node = self._call("ptz", "GetNode", {"NodeToken": token}, deadline_s)
        except HeadRefused:
            return  # the generic spaces are every head's duty (ONVIF PTZ 5.2.1)
        offered = getattr(getattr(node, "SupportedPTZSpaces", None), "AbsolutePanTiltPositionSpace", None) or []
        names = [_text(getattr(one, "URI", "")) for one in offered]
        degrees = any(name.endswith("SphericalPositionSpaceDegrees") for name in names)
        self.spaces = Spaces(self.spaces.pan_deg, self.spaces.tilt_deg, degrees)

    # --- asking ---

    def report(self, deadline_s: float) -> Report:
        """Where the head says it is; HeadSilent when it does not say."""
        asked = self._clock.instant()
        status = self._call("ptz", "GetStatus", {"ProfileToken": self._profile}, deadline_s)
        position = getattr(status, "Position", None)
        turn, zoom = getattr(position, "PanTilt", None), getattr(position, "Zoom", None)
        told = Told(
            x=_number(getattr(turn, "x", None)),
            y=_number(getattr(turn, "y", None)),
            zoom=_number(getattr(zoom, "x", None)),
            space=_text(getattr(turn, "space", "")),
            states=[_text(getattr(getattr(status, "MoveStatus", None), one, "")) for one in ("PanTilt", "Zoom")],
            error=_text(getattr(status, "Error", "")),
        )
        answer = self._transport.answer
        assert answer is not None
        report = told.report(self.spaces, asked, Instant(answer.received_ns))
        if report is None:
            raise _unreadable()
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
        url = _stream_at(_text(getattr(told, "Uri", ""), LONGEST_URL), self._url)
        plain = self._url.startswith("http:")
        login = Login(self._username, self._password, self._ca_file, plain)
        return MetadataLink(url, login, self._clock) if url else None

    def presets(self, deadline_s: float) -> tuple[Preset, ...]:
        """What the head remembers."""
        found = self._call("ptz", "GetPresets", {"ProfileToken": self._profile}, deadline_s) or []
        return tuple(self._preset(one) for one in found[:MOST_PRESETS] if _text(getattr(one, "token", "")))

    def _preset(self, one: Any) -> Preset:
        position = getattr(one, "PTZPosition", None)
        pan, tilt = self._angles(position) or (None, None)
        zoom = getattr(getattr(position, "Zoom", None), "x", None)
        name = _text(getattr(one, "Name", ""))
        return Preset(_text(one.token), name, pan, tilt, None if zoom is None else _number(zoom))

    def _angles(self, position: Any) -> tuple[float, float] | None:
        turn = getattr(position, "PanTilt", None)
        if turn is None:
            return None
        return self.spaces.degrees_of(_number(turn.x), _number(turn.y), _text(getattr(turn, "space", "")))

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
        return _text(self._order("SetPreset", wanted, deadline_s))

    def _order(self, operation: str, fields: dict[str, Any], deadline_s: float) -> Any:
        return self._call("ptz", operation, {"ProfileToken": self._profile, **fields}, deadline_s)

    def _call(self, service: str, operation: str, fields: dict[str, Any], deadline_s: float) -> Any:
        held = self._services.get(service)
        if held is None:
            raise HeadSilent(say(en="the head is not connected", fr="tête non connectée"))
        self._transport.deadline_s = deadline_s
        ask: Callable[[dict[str, Any]], Any] = getattr(held, operation)
        try:
            return ask(fields)
        except ONVIFError as error:
            raise _meaning(error) from None


def _meaning(error: Exception) -> HeadError:
    """What went wrong, in our terms; nothing of the answer's own text but a fault's reason."""
    cause = error.__context__
    if isinstance(cause, HeadError):
        return cause
    if isinstance(cause, Fault) and _unauthorized(cause):
        return _unknown_user()
    if isinstance(cause, Fault):
        reason = _text(cause.message) or "?"
        return HeadRefused(say(en=f"the head refuses: {reason}", fr=f"la tête refuse : {reason}"))
    if isinstance(cause, TransportError) and cause.status_code in (401, 403):
        return _unknown_user()
    if isinstance(cause, (ZeepError, ValueError, TypeError, AttributeError, KeyError, LookupError)):
        return _unreadable()
    return HeadSilent(say(en="the head gives no answer", fr="la tête ne répond pas"))


def _unauthorized(fault: Fault) -> bool:
    """True for a refusal of who asks, by its codes (ONVIF Core, generic faults; WS-Security 1.1)."""
    codes = (fault.code, *(fault.subcodes or ()))
    return not UNAUTHORIZED.isdisjoint(re.split("[:}]", str(one))[-1] for one in codes)


def _unknown_user() -> HeadRefused:
    return HeadRefused(
        say(
            en="the head refuses user name or password; check username and password_file, and that this user may "
            "steer (ONVIF users are often apart from those of the camera's web page)",
            fr="la tête refuse le nom ou le mot de passe ; vérifier username et password_file, et que ce compte peut "
            "piloter (les comptes ONVIF sont souvent distincts de ceux de la page web de la caméra)",
        )
    )


def _streaming(profiles: Sequence[Any], turning: Any) -> str:
    """The token of a profile of the same head whose metadata tells its position; empty where there is none."""
    node = _text(turning.PTZConfiguration.NodeToken)
    for one in (turning, *profiles):
        status = getattr(getattr(one, "MetadataConfiguration", None), "PTZStatus", None)
        head = getattr(getattr(one, "PTZConfiguration", None), "NodeToken", "")
        if getattr(status, "Position", False) is True and _text(head) == node:
            return _text(one.token)
    return ""


def _stream_at(url: str, device: str) -> str:
    """The stream's address on the host of `device`, with the port that the camera names; empty: none of ours."""
    theirs, host = split_url(url), urlsplit(device).hostname or ""
    if theirs is None or theirs.scheme not in ("rtsp", "rtsps"):
        return ""
    host = f"[{host}]" if ":" in host else host
    port = f":{theirs.port}" if theirs.port else ""
    return at_home(url, f"{theirs.scheme}://{host}{port}")


def _text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A word that a head said, short and printable."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return "".join(one for one in text[:longest] if one.isprintable())


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
