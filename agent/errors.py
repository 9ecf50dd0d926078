"""Every error that Vigie raises on purpose, named for what the caller does next.

    VigieError
    +-- UsageError              the person at the terminal mends the command line         -> exit 2
    +-- ConfigurationError      the person mends the file; carries every fault at once    -> exit 2
    +-- SourceError             the camera's stream: wait, then reconnect
    |   +-- SourceLost          it opened once and stopped: the same, and an event
    +-- UnknownPixelFormat      masking cannot burn this picture: the whole picture is masked
    +-- EncoderUnavailable      this encoder does not work here: try the next one
    +-- VaultError              recording pauses and tries again; capture and live go on
    |   +-- VaultBusy           another agent holds this state directory                  -> exit 1
    +-- AccessDenied            answer with `status`, tell the person `str(error)`
    |   +-- GrantRefused        401: no grant, or one that is no good
    |   +-- NotCovered          403: a good grant for something else
    |   +-- ClockUntrusted      503: nobody can say whether the grant is still valid
    |   +-- RequisitionRefused  a requisition that is not answered: `status`, and `word` for the register
    |   +-- TryLater            too many at once, or too many bad ones: `status` 503 or 429, after `wait_s`
    +-- LinkError               the MQTT broker is away or refuses: wait, then call again
    |   +-- LinkVersionRefused  the same, in the other version of MQTT from now on
    |   +-- LinkSilent          the same, in the other version of MQTT for once
    +-- KeyFileError            a key file is missing, unreadable or of another kind      -> exit 2
    +-- ControlError            the running agent cannot be asked                         -> exit 1
    +-- AimError                the aim was not approved; nothing changed                 -> exit 1
    +-- ListenError             the address cannot be listened on: busy, or not ours      -> exit 1
    +-- HeadError               a turning head did not do what it was told: answer with `status`
    |   +-- HeadSilent          503: it gives no answer, or one that nobody can read
    |   +-- HeadRefused         502: it answers that it will not
    +-- OrderRefused            a steering order: answer with `status` (400, 409, 422, 429, 503) and `word`
    +-- CalibrationError        readings that give no lens table: the technician mends it and measures again -> exit 1
    +-- RegisterError           the register cannot be written: refuse views and exports, record on -> exit 1
    |   +-- EntryRefused        what is to be entered has not the form of an entry; the register is well
    +-- EvidenceRefused         an evidence pack that is not what a mast made                     -> exit 1
    +-- NoteRefused             a note, checkpoint or key that is malformed, or whose signature is no good
    +-- StampRefused            no time-stamp that counts: go on without one, and say so
    +-- OfferRefused            an SDP offer that cannot be answered: `status` 400 or 406

Messages are for people, in their language (`agent.language`); nobody compares messages.
"""


class VigieError(Exception):
    """The root: everything below is expected and ends in a sentence, never in a traceback."""


class UsageError(VigieError):
    """The command line asks for something that cannot be."""


class ConfigurationError(VigieError):
    """One or several faults in a configuration file.

    `faults` holds lines of the form `FILE: key: what is wrong and what would be right`.
    """

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class SourceError(VigieError):
    """A source cannot be opened or read. The message never carries a credential."""


class SourceLost(SourceError):
    """A source that delivered pictures stopped: end of stream, stall, or a broken connection."""


class UnknownPixelFormat(VigieError):
    """A picture in a format that masking does not know how to burn."""


class EncoderUnavailable(VigieError):
    """An encoder is not built in, has no device here, or failed its trial encode."""


class VaultError(VigieError):
    """The disk refuses: full, read-only, or broken."""


class VaultBusy(VaultError):
    """Another process owns this state directory."""


class AccessDenied(VigieError):
    """The base of all refusals; `status` is the HTTP status that says the same."""

    status = 403


class GrantRefused(AccessDenied):
    """No grant, or one whose signature, authority, time, audience or form is wrong."""

    status = 401


class NotCovered(AccessDenied):
    """A valid grant that does not cover this camera or this act."""

    status = 403


class ClockUntrusted(AccessDenied):
    """The wall clock is below its floor, so no grant can be judged."""

    status = 503


class RequisitionRefused(AccessDenied):
    """A requisition that is not answered; `status` is for HTTP, `word` for the register, the text for people."""

    def __init__(self, message: str, status: int, word: str) -> None:
        super().__init__(message)
        self.status = status
        self.word = word


class TryLater(AccessDenied):
    """Not now: others are being served (503), or too much was refused of late (429); `wait_s`: try again after that."""

    def __init__(self, message: str, status: int, word: str, wait_s: float) -> None:
        super().__init__(message)
        self.status = status
        self.word = word
        self.wait_s = wait_s


class LinkError(VigieError):
    """The broker cannot be reached, refuses, or was lost. The message never carries a credential."""


class LinkVersionRefused(LinkError):
    """The broker says that it does not speak this version of MQTT."""


class LinkSilent(LinkError):
    """The broker took the connection but gave no answer to CONNECT: an old one may not know this version of MQTT."""


class KeyFileError(VigieError):
    """A key file cannot be used; the message names the file and the mend."""


class ControlError(VigieError):
    """The running agent's control socket refuses, or gives no answer that can be read."""


class AimError(VigieError):
    """The aim could not be approved; the message says why and what to do."""


class ListenError(VigieError):
    """The listener cannot open its address; the message names it and the mend."""


class OfferRefused(VigieError):
    """A viewer's SDP offer that cannot be answered; `status` is 400 (malformed) or 406 (nothing spoken here)."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class HeadError(VigieError):
    """A turning head could not be asked or told; `status` is the HTTP status that says the same. No credentials."""

    status = 503


class HeadSilent(HeadError):
    """The head gives no answer in time, closes the connection, or answers what is not SOAP."""


class HeadRefused(HeadError):
    """The head answers that it will not do it."""

    status = 502


class OrderRefused(VigieError):
    """A steering order that is not carried out; `status` and `word` are for programs, the text for people.

    `until_s`: seconds for which asking again is of no use, where that is known.
    """

    def __init__(self, message: str, status: int, word: str, until_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.word = word
        self.until_s = until_s


class CalibrationError(VigieError):
    """A lens table cannot be had; `word` is for programs, the text says what is wrong and what helps."""

    def __init__(self, message: str, word: str) -> None:
        super().__init__(message)
        self.word = word


class RegisterError(VigieError):
    """The register cannot be opened, written or read: whatever must be in it first does not happen."""


class EntryRefused(RegisterError):
    """What is to be entered breaks an entry's form or bounds; the register itself is well."""


class NoteRefused(VigieError):
    """A signed note, checkpoint, cosignature or verifier key that is malformed or was not made by whom it should."""


class StampRefused(VigieError):
    """The time-stamping service cannot be reached, refuses, or answers what is no stamp for what was asked."""


class EvidenceRefused(VigieError):
    """An evidence pack, or a part of one, in a form that no mast makes; nothing of it is used."""
