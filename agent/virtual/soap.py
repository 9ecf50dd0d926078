"""SOAP 1.2 as ONVIF devices speak it: reading a request, who sent it, answering and refusing. Text in, text out.

    request = parse(body)                      # SoapFault when it is no SOAP
    authenticate(request.token, "vigie", "secret", camera_time)
    envelope("<tptz:StopResponse/>")

Sources: SOAP 1.2 part 1; OASIS WS-Security UsernameToken Profile 1.1 (password digest); ONVIF Core 5.9 for the faults'
subcodes; RFC 7616 for HTTP digest.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from xml.sax.saxutils import escape

SOAP = "http://www.w3.org/2003/05/soap-envelope"
NAMESPACES = {
    "env": SOAP,
    "ter": "http://www.onvif.org/ver10/error",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
}
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "#PasswordDigest"
ENTITY_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "aaaaaaaaaaaaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 10))
    + "]>"
)
"""The start of a document whose `&a9;` would be terabytes."""
FRESH = timedelta(minutes=5)
"""How far a token's time may be from the camera's."""


class SoapFault(Exception):
    """A refusal in SOAP's own form: `sender` says whose mistake it is, `codes` are ONVIF's subcodes."""

    def __init__(self, reason: str, *codes: str, sender: bool = True) -> None:
        super().__init__(reason)
        self.sender = sender
        self.codes = codes

    @property
    def status(self) -> int:
        """The HTTP status that goes with it (SOAP 1.2 part 2, 7.5.2.2)."""
        return 400 if self.sender else 500


@dataclass(frozen=True, slots=True)
class Token:
    """A WS-Security UsernameToken as it was sent."""

    username: str
    password: str
    digest: bool
    nonce: str
    created: str


@dataclass(frozen=True, slots=True)
class Request:
    """`operation` without its prefix, its service's namespace, and its parameters."""

    operation: str
    namespace: str
    body: ElementTree.Element
    token: Token | None

    def text(self, name: str) -> str:
        """The text of the first parameter of that name at any depth; empty when there is none."""
        found = next((one for one in self.body.iter() if local(one.tag) == name), None)
        return (found.text or "").strip() if found is not None else ""

    def child(self, *names: str) -> ElementTree.Element | None:
        """The element at the end of that path of local names."""
        at: ElementTree.Element | None = self.body
        for name in names:
            at = next((one for one in at if local(one.tag) == name), None) if at is not None else None
        return at


def local(tag: str) -> str:
    """`{namespace}Name` -> `Name`."""
    return tag.rpartition("}")[2]


def parse(body: bytes) -> Request:
    """A request, or SoapFault. The XML parser is expat, which bounds what entities may grow to by itself."""
    try:
        envelope_read = ElementTree.fromstring(body)  # noqa: S314  see above; and the only clients are on loopback
    except (ElementTree.ParseError, ValueError) as error:
        raise SoapFault("not well-formed", "ter:WellFormed") from error
    soap_body = envelope_read.find(f"{{{SOAP}}}Body")
    if envelope_read.tag != f"{{{SOAP}}}Envelope" or soap_body is None or not len(soap_body):
        raise SoapFault("no SOAP 1.2 body", "ter:TagMismatch")
    first = soap_body[0]
    namespace = first.tag[1:].partition("}")[0] if first.tag.startswith("{") else ""
    return Request(local(first.tag), namespace, first, _token(envelope_read))


def _token(read: ElementTree.Element) -> Token | None:
    found = read.find(f"{{{SOAP}}}Header/{{{_WSSE}}}Security/{{{_WSSE}}}UsernameToken")
    if found is None:
        return None
    password = found.find(f"{{{_WSSE}}}Password")
    return Token(
        username=found.findtext(f"{{{_WSSE}}}Username", ""),
        password=(password.text or "") if password is not None else "",
        digest=password is not None and password.get("Type", "").endswith(_DIGEST),
        nonce=found.findtext(f"{{{_WSSE}}}Nonce", ""),
        created=found.findtext(f"{{{_WSU}}}Created", ""),
    )


def authenticate(token: Token | None, username: str, password: str, camera_time: datetime) -> None:
    """SoapFault unless the token is that user's: Base64(SHA-1(nonce + created + password)), and fresh."""
    refused = SoapFault("Sender not authorized", "ter:NotAuthorized")
    if token is None or not token.digest or token.username != username:
        raise refused
    try:
        created = datetime.fromisoformat(token.created.replace("Z", "+00:00"))
        nonce = base64.b64decode(token.nonce)
    except (ValueError, binascii.Error) as error:
        raise refused from error
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    digest = hashlib.sha1(nonce + token.created.encode() + password.encode()).digest()  # noqa: S324  the profile's hash
    if not hmac.compare_digest(base64.b64encode(digest).decode(), token.password):
        raise refused
    if abs(created - camera_time) > FRESH:
        raise SoapFault("the token's time is not the camera's", "ter:NotAuthorized")


def http_digest_holds(header: str, method: str, nonce: str, username: str, password: str) -> bool:
    """True when an Authorization header answers this nonce for that user (RFC 7616, MD5, qop=auth)."""
    given = {name: plain or quoted for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
    if not header.lower().startswith("digest ") or given.get("username") != username:
        return False

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324  what devices speak

    first = md5(username, given.get("realm", ""), password)
    second = md5(method, given.get("uri", ""))
    wanted = md5(first, nonce, given.get("nc", ""), given.get("cnonce", ""), given.get("qop", ""), second)
    return hmac.compare_digest(wanted, given.get("response", ""))


def envelope(content: str) -> bytes:
    """A whole answer around `content`."""
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    text = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope {spaces}><env:Body>{content}</env:Body></env:Envelope>'
    return text.encode()


def fault(refusal: SoapFault) -> bytes:
    """A refusal as the answer that carries it."""
    code = ""
    for one in reversed(refusal.codes):
        code = f"<env:Subcode><env:Value>{one}</env:Value>{code}</env:Subcode>"
    whose = "env:Sender" if refusal.sender else "env:Receiver"
    return envelope(
        f"<env:Fault><env:Code><env:Value>{whose}</env:Value>{code}</env:Code>"
        f'<env:Reason><env:Text xml:lang="en">{escape(str(refusal))}</env:Text></env:Reason></env:Fault>'
    )


def seconds(duration: str) -> float:
    """An xs:duration of days and less, such as PT1.5S; SoapFault when it is none."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", duration)
    if found is None or duration in ("P", "PT"):
        raise SoapFault("not a duration", "ter:InvalidArgVal")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + rest
