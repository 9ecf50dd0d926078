"""A stranger's SDP offer -> the few values that are needed (RFC 8866, RFC 8829).

    offer = read_offer(body)             # OfferRefused with a sentence when it cannot be answered

Laws
- Nothing that a stranger wrote reaches the WebRTC library but through `Offer`, whose every field has one form;
  `answer` writes SDP from it.
- Everything is bounded: bytes, lines, sections, formats, candidates.
- One video section is answered, the first that can take constrained baseline H.264 with packetization-mode 1
  (RFC 6184 section 8.1); audio, data and further video are rejected with port 0 (RFC 3264 section 6).
- Candidates are UDP on addresses that a viewer can have; names (mDNS) are never looked up: a viewer who hides its
  address is found by its own checks (RFC 8445 section 7.3.1.3).
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from agent.errors import OfferRefused
from agent.language import say

MAX_BYTES = 64 << 10
MAX_LINES = 2000
MAX_SECTIONS = 8
MAX_FORMATS = 128
MAX_CANDIDATES = 16

NOT_ACCEPTABLE = 406
WORD = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}"
_LINE = re.compile(r"[a-z]=[^\x00-\x1f\x7f]*")
_MEDIA = re.compile(rf"({WORD}) (\d{{1,5}})(?:/\d{{1,5}})? ([A-Za-z0-9/]{{1,40}}) ([^ ]+(?: [^ ]+)*)")
_MID = re.compile(WORD)
_FORMAT = re.compile(r"[A-Za-z0-9.-]{1,32}")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_RTPMAP = re.compile(r"(\d{1,3}) ([A-Za-z0-9.-]{1,40})/(\d{1,6})(?:/\d{1,2})?")
_FMTP = re.compile(r"(\d{1,3}) (.{1,1000})")
_CANDIDATE = re.compile(
    r"([A-Za-z0-9+/]{1,32}) 1 udp (\d{1,10}) ([0-9A-Fa-f.:]{2,45}) (\d{1,5}) typ ([a-z]{1,10})\b.*", re.I
)
_FINGERPRINT = re.compile(r"(sha-256|sha-384|sha-512) ([0-9A-F]{2}(?::[0-9A-F]{2}){31,63})", re.I)
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_PROFILE = re.compile(r"[0-9a-f]{6}", re.I)

CONSTRAINED_BASELINE = "42e01f"
BASELINE = "42001f"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One UDP address of the viewer (RFC 8839 section 5.1)."""

    foundation: str
    priority: int
    address: str
    port: int
    kind: str


@dataclass(frozen=True, slots=True)
class Section:
    """An offered `m=` line, as much of it as its rejection has to repeat."""

    kind: str
    protocol: str
    formats: tuple[str, ...]
    mid: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What an offer comes down to. `video` is the index of the section that is answered; `rtx` 0 when not offered."""

    sections: tuple[Section, ...]
    video: int
    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    payload_type: int
    profile: str
    rtx: int
    candidates: tuple[Candidate, ...]

    @property
    def mid(self) -> str:
        """The media id of the answered section."""
        return self.sections[self.video].mid


@dataclass(slots=True)
class _Part:
    """The lines of one section, or of the session, by attribute."""

    media: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        values = self.attributes.get(name)
        return values[0] if values else None


def _refuse(en: str, fr: str, status: int = 400) -> NoReturn:
    raise OfferRefused(say(en=en, fr=fr), status)


def _parts(body: bytes) -> list[_Part]:
    if len(body) > MAX_BYTES:
        _refuse("the offer is larger than 64 KiB", "l'offre dépasse 64 Kio")
    try:
        lines = body.decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError:
        _refuse("the offer is not UTF-8 text", "l'offre n'est pas un texte UTF-8")
    if lines[0] != "v=0" or len(lines) > MAX_LINES or not all(_LINE.fullmatch(line) for line in lines):
        _refuse(
            "the offer is not SDP: lines of the form x=..., beginning with v=0, are needed",
            "l'offre n'est pas du SDP : il faut des lignes x=..., dont la première est v=0",
        )
    parts = [_Part()]
    for line in lines:
        if line.startswith("m="):
            parts.append(_Part(line[2:]))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            parts[-1].attributes.setdefault(name, []).append(value.strip())
    if len(parts) > MAX_SECTIONS + 1:
        _refuse(
            f"the offer has more than {MAX_SECTIONS} media sections",
            f"l'offre compte plus de {MAX_SECTIONS} sections média",
        )
    return parts


def _section(part: _Part) -> tuple[Section, int]:
    """The section and its port."""
    found = _MEDIA.fullmatch(part.media)
    formats = tuple(found[4].split(" ")) if found else ()
    mid = part.first("mid") or ""
    good = found and len(formats) <= MAX_FORMATS and all(_FORMAT.fullmatch(one) for one in formats)
    if not found or not good or int(found[2]) > 65535 or (mid and not _MID.fullmatch(mid)):
        _refuse("the offer has a malformed media section", "l'offre a une section média mal formée")
    return Section(found[1], found[3], formats, mid), int(found[2])


def _number(text: str, most: int) -> int:
    """The number, or 0 when it is none or too large."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most else 0


def _parameters(text: str) -> dict[str, str]:
    pairs = (one.strip().partition("=") for one in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _profile(parameters: dict[str, str]) -> str:
    """`42e01f`, `42001f`, or empty for a profile that is not spoken here (RFC 6184 table 5)."""
    text = parameters.get("profile-level-id", CONSTRAINED_BASELINE)
    if parameters.get("packetization-mode") != "1" or not _PROFILE.fullmatch(text):
        return ""
    profile, constraints = int(text[:2], 16), int(text[2:4], 16)
    constrained = {0x42: 0x40, 0x4D: 0x80, 0x58: 0xC0}.get(profile)
    if constrained is None or constraints & 0x0F:
        return ""
    if constraints & constrained == constrained:
        return CONSTRAINED_BASELINE
    return BASELINE if profile == 0x42 else ""


def _codec(part: _Part, section: Section) -> tuple[int, str, int]:
    """(payload type, profile, rtx payload type or 0) of the best H.264 on offer; payload type 0 when there is none."""
    names: dict[str, str] = {}
    for value in part.attributes.get("rtpmap", ()):
        if (found := _RTPMAP.fullmatch(value)) and found[3] == "90000":
            names.setdefault(found[1], found[2].lower())
    parameters: dict[str, dict[str, str]] = {}
    for value in part.attributes.get("fmtp", ()):
        if found := _FMTP.fullmatch(value):
            parameters.setdefault(found[1], _parameters(found[2]))
    best = (0, "", 0)
    for name in section.formats:
        if names.get(name) != "h264" or _number(name, 127) < 96:
            continue
        profile = _profile(parameters.get(name, {}))
        if profile == CONSTRAINED_BASELINE or (profile and not best[0]):
            best = (int(name), profile, _rtx(section, names, parameters, name))
            if profile == CONSTRAINED_BASELINE:
                break
    return best


def _rtx(section: Section, names: dict[str, str], parameters: dict[str, dict[str, str]], base: str) -> int:
    """The payload type that retransmits `base` (RFC 4588 section 8.6), or 0."""
    for name in section.formats:
        if names.get(name) == "rtx" and parameters.get(name, {}).get("apt") == base and _number(name, 127) >= 96:
            return int(name)
    return 0


def _candidate(value: str) -> Candidate | None:
    """A candidate that can be used, or None: a kind that is not spoken here is ignored (RFC 8839 section 5.1)."""
    found = _CANDIDATE.fullmatch(value)
    if found is None or found[5] not in ("host", "srflx", "relay"):
        return None
    try:
        address = ipaddress.ip_address(found[3])
    except ValueError:
        return None
    priority, port = _number(found[2], 2**31 - 1), _number(found[4], 65535)
    never = address.is_multicast or address.is_unspecified or address.is_loopback or address.is_reserved
    if never or not priority or not port or (address.version == 6 and address.is_link_local):
        return None
    return Candidate(found[1], priority, str(address), port, found[5])


def _candidates(parts: list[_Part]) -> Iterator[Candidate]:
    for part in parts:
        for value in part.attributes.get("candidate", ())[: 8 * MAX_CANDIDATES]:
            if candidate := _candidate(value):
                yield candidate


def _fingerprints(values: list[str]) -> tuple[tuple[str, str], ...]:
    found = (_FINGERPRINT.fullmatch(value) for value in values[:8])
    pairs = ((one[1].lower(), one[2].upper()) for one in found if one)
    return tuple((name, value) for name, value in pairs if len(value) == 3 * _DIGEST_BYTES[name] - 1)


def _transport(parts: list[_Part], section: _Part, bundled: list[_Part]) -> tuple[str, str, list[str], str]:
    """(ufrag, password, fingerprints, setup) from the section, the session, or the bundle's first section."""
    places = [section, parts[0], *bundled[:1]]
    first = {
        name: next((value for place in places if (value := place.first(name)) is not None), "")
        for name in ("ice-ufrag", "ice-pwd", "setup")
    }
    fingerprints = next((place.attributes["fingerprint"] for place in places if "fingerprint" in place.attributes), [])
    return first["ice-ufrag"], first["ice-pwd"], fingerprints, first["setup"]


def _receives(part: _Part, session: _Part) -> bool:
    for place in (part, session):
        for name in ("recvonly", "sendrecv", "sendonly", "inactive"):
            if name in place.attributes:
                return name in ("recvonly", "sendrecv")
    return True  # sendrecv is the default (RFC 8866 section 6.7)


def _choose(parts: list[_Part], sections: list[tuple[Section, int]]) -> tuple[int, tuple[int, str, int]]:
    """The index of the section to answer, and its codec."""
    seen = False
    for index, (section, port) in enumerate(sections):
        part = parts[index + 1]
        offered = port != 0 or "bundle-only" in part.attributes
        if section.kind != "video" or not offered or not _receives(part, parts[0]):
            continue
        seen = True
        codec = _codec(part, section)
        if codec[0]:
            return index, codec
    if seen:
        _refuse(
            "the offer has no H.264 in constrained baseline with packetization-mode=1; offer it (every browser can)",
            "l'offre n'a pas de H.264 constrained baseline avec packetization-mode=1 ; l'offrir (tout navigateur sait)",
            NOT_ACCEPTABLE,
        )
    return _refuse(
        "the offer has no video section that receives; offer one, recvonly",
        "l'offre n'a aucune section vidéo en réception ; en offrir une, recvonly",
    )


def _bundled(parts: list[_Part], mid: str) -> list[_Part]:
    """The parts of the bundle that `mid` is in, in the bundle's order (RFC 9143)."""
    groups = (value.split() for value in parts[0].attributes.get("group", ()))
    bundle = next((words[1 : MAX_SECTIONS + 1] for words in groups if words[:1] == ["BUNDLE"]), [])
    found = [part for one in bundle for part in parts[1:] if part.first("mid") == one]
    return found if mid in bundle else []


def _check_transport(ufrag: str, password: str, fingerprints: tuple[tuple[str, str], ...], setup: str) -> None:
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        _refuse(
            "the offer needs a=ice-ufrag and a=ice-pwd in the form of RFC 8839",
            "l'offre a besoin de a=ice-ufrag et a=ice-pwd selon la RFC 8839",
        )
    if not fingerprints or setup not in ("actpass", "active", "passive"):
        _refuse(
            "the offer needs a=fingerprint (sha-256 or longer) and a=setup:actpass",
            "l'offre a besoin de a=fingerprint (sha-256 ou plus) et de a=setup:actpass",
        )


def read_offer(body: bytes) -> Offer:
    """The offer in `body`; OfferRefused (400, or 406 without a common codec) says what is wrong and what is right."""
    parts = _parts(body)
    sections = [_section(part) for part in parts[1:]]
    mids = [section.mid for section, _ in sections if section.mid]
    if len(set(mids)) != len(mids):
        _refuse("two media sections of the offer have the same mid", "deux sections média ont le même mid")
    video, (payload_type, profile, rtx) = _choose(parts, sections)
    chosen, mid = parts[video + 1], sections[video][0].mid
    if not mid or "rtcp-mux" not in chosen.attributes:
        _refuse(
            "the video section needs a=mid and a=rtcp-mux",
            "la section vidéo a besoin de a=mid et de a=rtcp-mux",
        )
    bundled = _bundled(parts, mid)
    ufrag, password, prints, setup = _transport(parts, chosen, bundled)
    fingerprints = _fingerprints(prints)
    _check_transport(ufrag, password, fingerprints, setup)
    own = [chosen, *(part for part in bundled if part is not chosen)]
    return Offer(
        sections=tuple(section for section, _ in sections),
        video=video,
        ufrag=ufrag,
        password=password,
        fingerprints=fingerprints,
        setup=setup,
        payload_type=payload_type,
        profile=profile,
        rtx=rtx,
        candidates=tuple(dict.fromkeys(_candidates(own)))[:MAX_CANDIDATES],
    )
