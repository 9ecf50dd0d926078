"""The virtual ONVIF device: a request in, an answer out, and the head moved. No socket, no clock.

    device = Device(head, options)
    text = device.answer(request, now_s, camera_time)      # SoapFault when it refuses

GetStatus is not answered here: its answer takes time (`reports`), and `onvif_server` has the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Literal
from xml.etree import ElementTree

from agent.virtual import onvif_answers as answers
from agent.virtual.head import Head, Preset
from agent.virtual.onvif_answers import DEGREES, POSITION, TRANSLATION, TRANSLATION_DEGREES, Picture, Ranges
from agent.virtual.soap import NAMESPACES, Request, SoapFault, seconds

BEFORE_LOGIN = frozenset({"GetSystemDateAndTime", "GetCapabilities", "GetServices"})
"""What ONVIF Core 5.9.3 (PRE_AUTH) lets anybody ask."""
USUAL_TIMEOUT_S = 5.0

Login = Literal["ws", "digest", "either", "none"]


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """How this device is set up. `clock_skew_s`: how far its clock is ahead of UTC. `move_status`: it tells it.

    `metadata`: its profile streams the head's position beside the picture.
    """

    username: str
    password: str = field(repr=False)
    login: Login = "either"
    clock_skew_s: float = 0.0
    move_status: bool = True
    ranges: Ranges = field(default_factory=Ranges)
    picture: Picture = field(default_factory=lambda: Picture(704, 576, 25, 2000))
    metadata: bool = False


class Device:
    """Answers for one head. `base` and `stream` are set once the ports are known."""

    def __init__(self, head: Head, options: DeviceOptions) -> None:
        self.head = head
        self.options = options
        self.base = self.stream = ""
        self._next_preset = 1
        ranges, picture = options.ranges, options.picture
        self._plain: dict[str, Callable[[], str]] = {
            "GetDeviceInformation": answers.device_information,
            "GetCapabilities": lambda: answers.capabilities(self.base),
            "GetServices": lambda: answers.services(self.base),
            "GetProfiles": lambda: _wrap(
                "trt:GetProfiles", answers.profile("trt:Profiles", picture, ranges, metadata=options.metadata)
            ),
            "GetVideoSources": lambda: answers.video_sources(picture),
            "GetStreamUri": lambda: answers.media_uri("GetStreamUri", self.stream),
            "GetSnapshotUri": lambda: answers.media_uri("GetSnapshotUri", f"{self.base}/snapshot.jpg"),
            "GetNodes": lambda: _wrap("tptz:GetNodes", answers.node("tptz:PTZNode", ranges)),
            "GetNode": lambda: _wrap("tptz:GetNode", answers.node("tptz:PTZNode", ranges)),
            "GetConfigurations": lambda: _wrap(
                "tptz:GetConfigurations", answers.configuration("tptz:PTZConfiguration", ranges)
            ),
            "GetConfiguration": lambda: _wrap(
                "tptz:GetConfiguration", answers.configuration("tptz:PTZConfiguration", ranges)
            ),
            "GetConfigurationOptions": lambda: answers.configuration_options(ranges),
            "GetPresets": lambda: answers.presets(self.head.presets.items(), ranges),
        }
        self._orders: dict[str, Callable[[Request, float], str]] = {
            "ContinuousMove": self._continuous,
            "AbsoluteMove": self._absolute,
            "RelativeMove": self._relative,
            "Stop": self._stop,
            "SetPreset": self._set_preset,
            "RemovePreset": self._remove_preset,
            "GotoPreset": self._goto_preset,
            "GotoHomePosition": self._goto_home,
            "SetHomePosition": self._set_home,
        }

    def answer(self, request: Request, now_s: float, camera_time: datetime) -> str:
        """The body of the answer to anything but GetStatus; SoapFault when it refuses."""
        if request.operation == "GetSystemDateAndTime":
            return answers.system_time(camera_time)
        self.check_tokens(request)
        if request.operation in self._plain:
            return self._plain[request.operation]()
        order = self._orders.get(request.operation)
        if order is None or request.namespace != NAMESPACES["tptz"]:
            raise SoapFault("Optional Action Not Implemented", "ter:ActionNotSupported", sender=False)
        return order(request, now_s)

    def check_tokens(self, request: Request) -> None:
        """SoapFault when a request names a profile, node or configuration that is not this device's."""
        known = (
            ("ProfileToken", answers.PROFILE, "ter:NoProfile"),
            ("NodeToken", answers.NODE, "ter:NoEntity"),
            ("ConfigurationToken", answers.CONFIGURATION, "ter:NoConfig"),
            ("PTZConfigurationToken", answers.CONFIGURATION, "ter:NoConfig"),
        )
        for name, right, code in known:
            if (given := request.text(name)) and given != right:
                raise SoapFault(f"no such {name}", "ter:InvalidArgVal", code)

    # --- orders ---

    def _continuous(self, request: Request, now_s: float) -> str:
        turn, zoom = request.child("Velocity", "PanTilt"), request.child("Velocity", "Zoom")
        if turn is None and zoom is None:
            raise SoapFault("no velocity", "ter:InvalidArgVal", "ter:InvalidVelocity")
        timeout = request.text("Timeout")
        self.head.velocity(
            now_s,
            pan=None if turn is None else _number(turn, "x", 1.0, "ter:InvalidVelocity"),
            tilt=None if turn is None else _number(turn, "y", 1.0, "ter:InvalidVelocity"),
            zoom=None if zoom is None else _number(zoom, "x", 1.0, "ter:InvalidVelocity"),
            timeout_s=seconds(timeout) if timeout else USUAL_TIMEOUT_S,
        )
        return "<tptz:ContinuousMoveResponse/>"

    def _absolute(self, request: Request, now_s: float) -> str:
        turn, zoom = request.child("Position", "PanTilt"), request.child("Position", "Zoom")
        pan_deg = tilt_deg = level = None
        if turn is not None:
            pan_deg, tilt_deg = self._degrees(turn, POSITION, DEGREES)
        if zoom is not None and (level := _number(zoom, "x", 1.0, "ter:InvalidPosition")) < 0:
            raise SoapFault("zoom below 0", "ter:InvalidArgVal", "ter:InvalidPosition")
        self.head.absolute(now_s, pan_deg=pan_deg, tilt_deg=tilt_deg, zoom=level, speed=_speed(request))
        return "<tptz:AbsoluteMoveResponse/>"

    def _relative(self, request: Request, now_s: float) -> str:
        turn, zoom = request.child("Translation", "PanTilt"), request.child("Translation", "Zoom")
        pan_deg = tilt_deg = level = 0.0
        if turn is not None:
            ranges = self.options.ranges
            x, y = self._in_space(turn, TRANSLATION, TRANSLATION_DEGREES)
            pan_deg, tilt_deg = (
                (x, y)
                if self._says_degrees(turn, TRANSLATION_DEGREES)
                else (
                    x * (ranges.pan_deg[1] - ranges.pan_deg[0]) / 2,
                    y * (ranges.tilt_deg[1] - ranges.tilt_deg[0]) / 2,
                )
            )
        if zoom is not None:
            level = _number(zoom, "x", 1.0, "ter:InvalidTranslation")
        self.head.relative(now_s, pan_deg=pan_deg, tilt_deg=tilt_deg, zoom=level)
        return "<tptz:RelativeMoveResponse/>"

    def _stop(self, request: Request, now_s: float) -> str:
        turning, zooming = request.text("PanTilt").lower(), request.text("Zoom").lower()
        no = ("false", "0")
        self.head.stop(now_s, turning=turning not in no, zooming=zooming not in no)
        return "<tptz:StopResponse/>"

    def _set_preset(self, request: Request, now_s: float) -> str:
        token, name = request.text("PresetToken"), request.text("PresetName")
        if token and token not in self.head.presets:
            raise SoapFault("no such preset", "ter:InvalidArgVal", "ter:NoToken")
        if not token and len(self.head.presets) >= answers.MOST_PRESETS:
            raise SoapFault("too many presets", "ter:Action", "ter:TooManyPresets", sender=False)
        if not token:
            token, self._next_preset = str(self._next_preset), self._next_preset + 1
        self.head.presets[token] = self.head.remember(now_s, name or f"Preset {token}")
        return f"<tptz:SetPresetResponse><tptz:PresetToken>{token}</tptz:PresetToken></tptz:SetPresetResponse>"

    def _preset(self, request: Request) -> tuple[str, Preset]:
        token = request.text("PresetToken")
        if token not in self.head.presets:
            raise SoapFault("no such preset", "ter:InvalidArgVal", "ter:NoToken")
        return token, self.head.presets[token]

    def _remove_preset(self, request: Request, _: float) -> str:
        del self.head.presets[self._preset(request)[0]]
        return "<tptz:RemovePresetResponse/>"

    def _goto_preset(self, request: Request, now_s: float) -> str:
        self.head.go_to(now_s, self._preset(request)[1])
        return "<tptz:GotoPresetResponse/>"

    def _goto_home(self, _: Request, now_s: float) -> str:
        self.head.go_to(now_s, self.head.home)
        return "<tptz:GotoHomePositionResponse/>"

    def _set_home(self, _: Request, now_s: float) -> str:
        self.head.home = self.head.remember(now_s, "home")
        return "<tptz:SetHomePositionResponse/>"

    # --- numbers ---

    def _says_degrees(self, turn: ElementTree.Element, degrees: str) -> bool:
        return turn.get("space", degrees if self.options.ranges.tells_degrees else "") == degrees

    def _in_space(self, turn: ElementTree.Element, generic: str, degrees: str) -> tuple[float, float]:
        offered = {"generic": (generic,), "degrees": (degrees,), "both": (generic, degrees)}
        given = turn.get("space")
        if given is not None and given not in offered[self.options.ranges.spaces]:
            raise SoapFault("no such space", "ter:InvalidArgVal", "ter:SpaceNotSupported")
        most = 360.0 if self._says_degrees(turn, degrees) else 1.0
        return _number(turn, "x", most, "ter:InvalidPosition"), _number(turn, "y", most, "ter:InvalidPosition")

    def _degrees(self, turn: ElementTree.Element, generic: str, degrees: str) -> tuple[float, float]:
        x, y = self._in_space(turn, generic, degrees)
        if self._says_degrees(turn, degrees):
            return x, y
        (left, right), (low, high) = self.options.ranges.pan_deg, self.options.ranges.tilt_deg
        return left + (x + 1) / 2 * (right - left), low + (y + 1) / 2 * (high - low)


def _wrap(operation: str, content: str) -> str:
    return f"<{operation}Response>{content}</{operation}Response>"


def _number(element: ElementTree.Element, name: str, most: float, code: str) -> float:
    """A number in -`most`..`most`, SoapFault otherwise: real heads refuse what is out of range."""
    try:
        value = float(element.get(name, ""))
    except ValueError as error:
        raise SoapFault(f"{name} is no number", "ter:InvalidArgVal", code) from error
    if not isfinite(value) or abs(value) > most + 1e-6:
        raise SoapFault(f"{name} is out of range", "ter:InvalidArgVal", code)
    return value


def _speed(request: Request) -> float:
    turn = request.child("Speed", "PanTilt")
    return 1.0 if turn is None else max(0.05, _number(turn, "x", 1.0, "ter:InvalidSpeed"))
