"""SOAP as a head is asked with it: zeep and onvif-zeep on our own wire, and what answers and faults mean.

    soap = Soap("vigie", "secret")
    device = soap.service("devicemgmt", "http://10.0.0.11/onvif/device_service")
    soap.call(device, "GetSystemDateAndTime", {}, deadline_s=2)
    where = soap.question("ptz", "http://10.0.0.11/onvif/ptz", "GetStatus", {"ProfileToken": "profile_1"})
    soap.ask(where, read, deadline_s=2)     # what read(the answer's bytes) finds

The only file that touches these two libraries.

Laws
- Whatever a head answers is judged as a stranger's: no DTD, no entities, no multipart, bounded by `wire`, and only the
  service files that come with the library are ever read. What cannot be understood is HeadSilent.
- A call raises HeadRefused where the head says no, and HeadSilent for all else that goes wrong.
- What is asked ten times a second is not made and taken apart by zeep each time: its message is made once, and who asks
  reads the answer. One in which that reader finds nothing is zeep's, as any other: a refusal is told alike.
- Source: OASIS UsernameToken Profile 1.1; ONVIF Core 5.9.4 (WS-Security), whose token's time is the camera's own.
"""

import base64
import gc
import hashlib
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from agent.clock import Instant
from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.language import say
from agent.ptz.wire import Answer, Wire

_quiet = logging.NullHandler()
logging.root.addHandler(_quiet)  # onvif-zeep calls basicConfig when it is imported, which does nothing to a root in use
import onvif  # type: ignore[import-untyped]  # noqa: E402
from onvif.client import safe_func  # type: ignore[import-untyped]  # noqa: E402
from onvif.definition import SERVICES  # type: ignore[import-untyped]  # noqa: E402
from onvif.exceptions import ONVIFError  # type: ignore[import-untyped]  # noqa: E402
from zeep import Client, Settings, Transport, ns  # noqa: E402
from zeep.exceptions import Error as ZeepError  # noqa: E402
from zeep.exceptions import Fault, TransportError  # noqa: E402
from zeep.wsdl import Document  # noqa: E402
from zeep.wsdl.utils import etree_to_string  # noqa: E402
from zeep.wsse.username import UsernameToken  # noqa: E402

logging.root.removeHandler(_quiet)
logging.getLogger("zeep").setLevel(logging.CRITICAL)
logging.getLogger("onvif").setLevel(logging.CRITICAL)

WSDL = Path(os.path.dirname(os.path.dirname(onvif.__file__))) / "wsdl"
UNAUTHORIZED = frozenset({"NotAuthorized", "FailedAuthentication", "FailedCheck", "InvalidSecurityToken"})
LONGEST_TEXT = 200
Found = TypeVar("Found")


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
            raise unreadable()
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

    def words(self) -> tuple[bytes, bytes, bytes]:
        """Digest, nonce and time of a fresh token."""
        random = os.urandom(16)
        created = f"{datetime.now(UTC) + self.skew:%Y-%m-%dT%H:%M:%SZ}".encode()
        told = random + created + self.password.encode()
        digest = hashlib.sha1(told).digest()  # noqa: S324  the profile's hash
        return base64.b64encode(digest), base64.b64encode(random), created

    def blanks(self, envelope: Any) -> list[bytes]:
        """A message that `apply` has put a token into, in four: a fresh token's `words` go in between."""
        mark = os.urandom(16).hex()
        for one in envelope.find(f".//{{{ns.WSSE}}}UsernameToken")[1:]:
            one.text = mark
        message: bytes = etree_to_string(envelope)  # type: ignore[no-untyped-call]
        return message.split(mark.encode())


_SETTINGS = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False)


@lru_cache(maxsize=4)
def _document(name: str) -> Document:
    """A service's description, read once for all heads."""
    settings = Settings(strict=True, xml_huge_tree=False)
    location = str(WSDL / SERVICES[name]["wsdl"])
    document = Document(location, _Bounded(Wire("", "")), settings=settings)  # type: ignore[arg-type]
    gc.freeze()  # it stays for good, and looking for garbage among its objects holds up pictures by dozens of ms
    return document


def unreadable() -> HeadSilent:
    """For an answer that is not what was asked for."""
    return HeadSilent(say(en="the head's answer cannot be read", fr="réponse de la tête illisible"))


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is made ready once and asked often. `parts`: its bytes; a fresh token's words go in between."""

    address: str
    headers: dict[str, str]
    parts: list[bytes]
    judge: Callable[["_Response"], None]
    """Reads an answer as zeep does: ONVIFError where it is a refusal, or no answer to this request."""


class Soap:
    """One connection to one device; one thread calls, any thread may `cut`."""

    def __init__(self, username: str, password: str, ca_file: Path | None = None) -> None:
        self._username = username
        self._password = password
        self._wire = Wire(username, password, ca_file)
        self._transport = _Bounded(self._wire)
        self._token = _Token(username, password) if username else None

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
    def received(self) -> Instant:
        """When the last answer was here."""
        answer = self._transport.answer
        assert answer is not None
        return Instant(answer.received_ns)

    @property
    def signs(self) -> bool:
        """True where requests bear a token, whose time must be the device's."""
        return self._token is not None

    def set_skew(self, skew: timedelta) -> None:
        """How far the device's clock is ahead of ours."""
        if self._token is not None:
            self._token.skew = skew

    def service(self, name: str, address: str) -> Any:
        """One of the library's services, such as `ptz`, at an address."""
        return onvif.ONVIFService(
            address,
            self._username,
            self._password,
            str(WSDL / SERVICES[name]["wsdl"]),
            zeep_client=self._client(name),
            binding_name=_binding(name),
        )

    def _client(self, name: str) -> Client:
        return Client(_document(name), wsse=self._token, transport=self._transport, settings=_SETTINGS)  # type: ignore[no-untyped-call]

    def call(self, service: Any, operation: str, fields: dict[str, Any], deadline_s: float) -> Any:
        """What the device answers; HeadError when it does not."""
        self._transport.deadline_s = deadline_s
        ask: Callable[[dict[str, Any]], Any] = getattr(service, operation)
        try:
            return ask(fields)
        except ONVIFError as error:
            raise _meaning(error) from None

    def question(self, name: str, address: str, operation: str, fields: dict[str, Any]) -> Question:
        """What `call` of that service would send, made ready to be asked often."""
        client = self._client(name)
        binding: Any = client.wsdl.bindings[_binding(name)]
        known = binding.get(operation)
        message = known.create(**fields).content
        if self._token is None:
            parts = [etree_to_string(message)]  # type: ignore[no-untyped-call]
        else:
            parts = self._token.blanks(self._token.apply(message, {})[0])
        headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{known.soapaction}"'}

        def judge(response: _Response) -> None:
            safe_func(binding.process_reply)(client, known, response)

        return Question(address, headers, parts, judge)

    def ask(self, question: Question, read: Callable[[bytes], Found | None], deadline_s: float) -> Found:
        """What `read` finds in the device's answer; HeadError where it finds nothing."""
        self._transport.deadline_s = deadline_s
        words = () if self._token is None else self._token.words()
        first, *rest = question.parts
        message = first + b"".join(word + part for word, part in zip(words, rest, strict=True))
        response = self._transport.post(question.address, message, question.headers)
        found = read(response.content) if response.status_code == 200 else None
        if found is not None:
            return found
        try:
            question.judge(response)
        except ONVIFError as error:
            raise _meaning(error) from None
        raise unreadable()


def _binding(name: str) -> str:
    """What the library's descriptions call the binding of one of its services."""
    return f"{{{SERVICES[name]['ns']}}}{SERVICES[name]['binding']}"


def _meaning(error: Exception) -> HeadError:
    """What went wrong, in our terms; nothing of the answer's own text but a fault's reason."""
    cause = error.__context__
    if isinstance(cause, HeadError):
        return cause
    if isinstance(cause, Fault) and _unauthorized(cause):
        return _unknown_user()
    if isinstance(cause, Fault):
        reason = text_of(cause.message) or "?"
        return HeadRefused(say(en=f"the head refuses: {reason}", fr=f"la tête refuse : {reason}"))
    if isinstance(cause, TransportError) and cause.status_code in (401, 403):
        return _unknown_user()
    if isinstance(cause, (ZeepError, ValueError, TypeError, AttributeError, KeyError, LookupError)):
        return unreadable()
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


def text_of(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A word that a head said, short and printable."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return "".join(one for one in text[:longest] if one.isprintable())


def number_of(value: Any) -> float:
    """A number that a head said, NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
