"""The XML that the virtual ONVIF device answers with; facts in, text out.

Element names, their order and their namespaces are those of ONVIF's WSDL files (media 1.0, PTZ 2.0, device 1.0), so a
client that validates finds nothing amiss.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from agent.virtual.head import Preset
from agent.virtual.reports import Report

_SPACES = "http://www.onvif.org/ver10/tptz"
POSITION = f"{_SPACES}/PanTiltSpaces/PositionGenericSpace"
DEGREES = f"{_SPACES}/PanTiltSpaces/SphericalPositionSpaceDegrees"
TRANSLATION = f"{_SPACES}/PanTiltSpaces/TranslationGenericSpace"
TRANSLATION_DEGREES = f"{_SPACES}/PanTiltSpaces/SphericalTranslationSpaceDegrees"
VELOCITY = f"{_SPACES}/PanTiltSpaces/VelocityGenericSpace"
SPEED = f"{_SPACES}/PanTiltSpaces/GenericSpeedSpace"
ZOOM_POSITION = f"{_SPACES}/ZoomSpaces/PositionGenericSpace"
ZOOM_TRANSLATION = f"{_SPACES}/ZoomSpaces/TranslationGenericSpace"
ZOOM_VELOCITY = f"{_SPACES}/ZoomSpaces/VelocityGenericSpace"
ZOOM_SPEED = f"{_SPACES}/ZoomSpaces/ZoomGenericSpeedSpace"

PROFILE, NODE, CONFIGURATION, SOURCE = "profile_1", "node_1", "ptz_1", "source_1"
MOST_PRESETS = 64

SpaceChoice = Literal["generic", "degrees", "both"]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the media service says of the stream."""

    width: int
    height: int
    fps: int
    bitrate_kbps: int


@dataclass(frozen=True, slots=True)
class Ranges:
    """What -1..1 means on this head, and which spaces it offers; its positions are told in the first of them."""

    pan_deg: tuple[float, float] = (-180.0, 180.0)
    tilt_deg: tuple[float, float] = (-90.0, 90.0)
    spaces: SpaceChoice = "generic"

    @property
    def tells_degrees(self) -> bool:
        """Whether positions are told in degrees."""
        return self.spaces == "degrees"


def _range(tag: str, low: float, high: float) -> str:
    return f"<tt:{tag}><tt:Min>{low:g}</tt:Min><tt:Max>{high:g}</tt:Max></tt:{tag}>"


def _space(tag: str, uri: str, x: tuple[float, float], y: tuple[float, float] | None = None) -> str:
    second = _range("YRange", *y) if y else ""
    return f"<tt:{tag}><tt:URI>{uri}</tt:URI>{_range('XRange', *x)}{second}</tt:{tag}>"


def _all_spaces(ranges: Ranges) -> str:
    one, unit = (-1.0, 1.0), (0.0, 1.0)
    width, height = ranges.pan_deg[1] - ranges.pan_deg[0], ranges.tilt_deg[1] - ranges.tilt_deg[0]
    generic, degrees = ranges.spaces != "degrees", ranges.spaces != "generic"
    parts = [
        _space("AbsolutePanTiltPositionSpace", POSITION, one, one) if generic else "",
        _space("AbsolutePanTiltPositionSpace", DEGREES, ranges.pan_deg, ranges.tilt_deg) if degrees else "",
        _space("AbsoluteZoomPositionSpace", ZOOM_POSITION, unit),
        _space("RelativePanTiltTranslationSpace", TRANSLATION, one, one) if generic else "",
        _space("RelativePanTiltTranslationSpace", TRANSLATION_DEGREES, (-width, width), (-height, height))
        if degrees
        else "",
        _space("RelativeZoomTranslationSpace", ZOOM_TRANSLATION, one),
        _space("ContinuousPanTiltVelocitySpace", VELOCITY, one, one),
        _space("ContinuousZoomVelocitySpace", ZOOM_VELOCITY, one),
        _space("PanTiltSpeedSpace", SPEED, unit),
        _space("ZoomSpeedSpace", ZOOM_SPEED, unit),
    ]
    return "".join(parts)


def node(tag: str, ranges: Ranges) -> str:
    """The head as a PTZNode inside `tag`."""
    return (
        f'<{tag} token="{NODE}" FixedHomePosition="false"><tt:Name>Tete</tt:Name>'
        f"<tt:SupportedPTZSpaces>{_all_spaces(ranges)}</tt:SupportedPTZSpaces>"
        f"<tt:MaximumNumberOfPresets>{MOST_PRESETS}</tt:MaximumNumberOfPresets>"
        f"<tt:HomeSupported>true</tt:HomeSupported></{tag}>"
    )


def configuration(tag: str, ranges: Ranges) -> str:
    """The PTZConfiguration inside `tag`."""
    degrees = ranges.tells_degrees
    position, translation = (DEGREES, TRANSLATION_DEGREES) if degrees else (POSITION, TRANSLATION)
    return (
        f'<{tag} token="{CONFIGURATION}"><tt:Name>PTZ</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:NodeToken>{NODE}</tt:NodeToken>"
        f"<tt:DefaultAbsolutePantTiltPositionSpace>{position}</tt:DefaultAbsolutePantTiltPositionSpace>"
        f"<tt:DefaultAbsoluteZoomPositionSpace>{ZOOM_POSITION}</tt:DefaultAbsoluteZoomPositionSpace>"
        f"<tt:DefaultRelativePanTiltTranslationSpace>{translation}</tt:DefaultRelativePanTiltTranslationSpace>"
        f"<tt:DefaultRelativeZoomTranslationSpace>{ZOOM_TRANSLATION}</tt:DefaultRelativeZoomTranslationSpace>"
        f"<tt:DefaultContinuousPanTiltVelocitySpace>{VELOCITY}</tt:DefaultContinuousPanTiltVelocitySpace>"
        f"<tt:DefaultContinuousZoomVelocitySpace>{ZOOM_VELOCITY}</tt:DefaultContinuousZoomVelocitySpace>"
        f'<tt:DefaultPTZSpeed><tt:PanTilt x="1" y="1" space="{SPEED}"/><tt:Zoom x="1" space="{ZOOM_SPEED}"/>'
        f"</tt:DefaultPTZSpeed><tt:DefaultPTZTimeout>PT5S</tt:DefaultPTZTimeout></{tag}>"
    )


def configuration_options(ranges: Ranges) -> str:
    """GetConfigurationOptionsResponse."""
    return (
        "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions>"
        f"<tt:Spaces>{_all_spaces(ranges)}</tt:Spaces>"
        "<tt:PTZTimeout><tt:Min>PT0.1S</tt:Min><tt:Max>PT60S</tt:Max></tt:PTZTimeout>"
        "</tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>"
    )


_MULTICAST = (
    "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    "<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
    "<tt:SessionTimeout>PT60S</tt:SessionTimeout>"
)


def metadata_configuration(tag: str) -> str:
    """The MetadataConfiguration inside `tag`: the head's status and position are streamed."""
    return (
        f'<{tag} token="meta_1"><tt:Name>Metadonnees</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:PTZStatus><tt:Status>true</tt:Status><tt:Position>true</tt:Position></tt:PTZStatus>"
        f"<tt:Analytics>false</tt:Analytics>{_MULTICAST}</{tag}>"
    )


def profile(tag: str, picture: Picture, ranges: Ranges, *, metadata: bool = False) -> str:
    """The media profile inside `tag`, with its source, encoder, PTZ and, where asked for, metadata configuration."""
    return (
        f'<{tag} token="{PROFILE}" fixed="true"><tt:Name>Principal</tt:Name>'
        f'<tt:VideoSourceConfiguration token="vsc_1"><tt:Name>Source</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:SourceToken>{SOURCE}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="{picture.width}" height="{picture.height}"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="vec_1"><tt:Name>H264</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>H264</tt:Encoding>{_resolution(picture)}<tt:Quality>5</tt:Quality>"
        f"<tt:RateControl><tt:FrameRateLimit>{picture.fps}</tt:FrameRateLimit>"
        f"<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>{picture.bitrate_kbps}</tt:BitrateLimit>"
        f"</tt:RateControl><tt:H264><tt:GovLength>{picture.fps * 2}</tt:GovLength>"
        "<tt:H264Profile>Baseline</tt:H264Profile></tt:H264>"
        f"{_MULTICAST}</tt:VideoEncoderConfiguration>"
        f"{configuration('tt:PTZConfiguration', ranges)}"
        f"{metadata_configuration('tt:MetadataConfiguration') if metadata else ''}</{tag}>"
    )


def _resolution(picture: Picture) -> str:
    return f"<tt:Resolution><tt:Width>{picture.width}</tt:Width><tt:Height>{picture.height}</tt:Height></tt:Resolution>"


def video_sources(picture: Picture) -> str:
    """GetVideoSourcesResponse."""
    return (
        f'<trt:GetVideoSourcesResponse><trt:VideoSources token="{SOURCE}">'
        f"<tt:Framerate>{picture.fps}</tt:Framerate>{_resolution(picture)}"
        "</trt:VideoSources></trt:GetVideoSourcesResponse>"
    )


def media_uri(operation: str, uri: str) -> str:
    """GetStreamUriResponse or GetSnapshotUriResponse."""
    return (
        f"<trt:{operation}Response><trt:MediaUri><tt:Uri>{escape(uri)}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        f"<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:{operation}Response>"
    )


def system_time(camera_time: datetime) -> str:
    """GetSystemDateAndTimeResponse, in UTC."""
    at = camera_time
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone><tt:UTCDateTime>"
        f"<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day>"
        "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def device_information() -> str:
    """GetDeviceInformationResponse."""
    return (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Vigie</tds:Manufacturer>"
        "<tds:Model>Tete virtuelle</tds:Model><tds:FirmwareVersion>1.0</tds:FirmwareVersion>"
        "<tds:SerialNumber>0001</tds:SerialNumber><tds:HardwareId>virtual</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    )


def capabilities(base: str) -> str:
    """GetCapabilitiesResponse: device, media and PTZ."""
    return (
        "<tds:GetCapabilitiesResponse><tds:Capabilities>"
        f"<tt:Device><tt:XAddr>{base}/onvif/device_service</tt:XAddr></tt:Device>"
        f"<tt:Media><tt:XAddr>{base}/onvif/media</tt:XAddr><tt:StreamingCapabilities>"
        "<tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP>"
        "<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>"
        f"<tt:PTZ><tt:XAddr>{base}/onvif/ptz</tt:XAddr></tt:PTZ>"
        "</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def services(base: str) -> str:
    """GetServicesResponse."""
    version = "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version>"
    listed = (
        ("http://www.onvif.org/ver10/device/wsdl", "device_service"),
        ("http://www.onvif.org/ver10/media/wsdl", "media"),
        ("http://www.onvif.org/ver20/ptz/wsdl", "ptz"),
    )
    each = "".join(
        f"<tds:Service><tds:Namespace>{name}</tds:Namespace><tds:XAddr>{base}/onvif/{path}</tds:XAddr>{version}"
        "</tds:Service>"
        for name, path in listed
    )
    return f"<tds:GetServicesResponse>{each}</tds:GetServicesResponse>"


def position(pan_deg: float, tilt_deg: float, zoom: float, ranges: Ranges) -> str:
    """PanTilt and Zoom elements in the space that this head tells positions in."""
    x, y = to_space(pan_deg, tilt_deg, ranges)
    space = DEGREES if ranges.tells_degrees else POSITION
    return f'<tt:PanTilt x="{x:.6f}" y="{y:.6f}" space="{space}"/><tt:Zoom x="{zoom:.6f}" space="{ZOOM_POSITION}"/>'


def to_space(pan_deg: float, tilt_deg: float, ranges: Ranges) -> tuple[float, float]:
    """Degrees -> the numbers of the space that this head tells positions in."""
    if ranges.tells_degrees:
        return pan_deg, tilt_deg
    return _share(pan_deg, *ranges.pan_deg), _share(tilt_deg, *ranges.tilt_deg)


def _share(value: float, low: float, high: float) -> float:
    return 2 * (value - low) / (high - low) - 1


def _status(report: Report, camera_time: datetime, ranges: Ranges, *, move_status: bool) -> str:
    moving = (
        f"<tt:MoveStatus><tt:PanTilt>{report.turning}</tt:PanTilt><tt:Zoom>{report.zooming}</tt:Zoom></tt:MoveStatus>"
    )
    error = f"<tt:Error>{escape(report.error)}</tt:Error>" if report.error else ""
    return (
        f"<tt:Position>{position(report.pan_deg, report.tilt_deg, report.zoom, ranges)}</tt:Position>"
        f"{moving if move_status else ''}{error}<tt:UtcTime>{camera_time:%Y-%m-%dT%H:%M:%SZ}</tt:UtcTime>"
    )


def status(report: Report, camera_time: datetime, ranges: Ranges, *, move_status: bool) -> str:
    """GetStatusResponse; MoveStatus is optional in ONVIF and absent on some heads."""
    told = _status(report, camera_time, ranges, move_status=move_status)
    return f"<tptz:GetStatusResponse><tptz:PTZStatus>{told}</tptz:PTZStatus></tptz:GetStatusResponse>"


def metadata_document(report: Report, camera_time: datetime, ranges: Ranges, *, move_status: bool) -> bytes:
    """One document of the metadata stream (ONVIF Streaming Specification 5.1.2)."""
    told = _status(report, camera_time, ranges, move_status=move_status)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">'
        f"<tt:PTZ><tt:PTZStatus>{told}</tt:PTZStatus></tt:PTZ></tt:MetadataStream>"
    ).encode()


def presets(known: Iterable[tuple[str, Preset]], ranges: Ranges) -> str:
    """GetPresetsResponse."""
    each = "".join(
        f"<tptz:Preset token={quoteattr(token)}><tt:Name>{escape(one.name)}</tt:Name>"
        f"<tt:PTZPosition>{position(one.pan_deg, one.tilt_deg, one.zoom, ranges)}</tt:PTZPosition></tptz:Preset>"
        for token, one in known
    )
    return f"<tptz:GetPresetsResponse>{each}</tptz:GetPresetsResponse>"
