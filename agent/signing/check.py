"""Judges signed pictures: values in, a verdict out. Pure; memory is bounded whatever the file holds.

    judge = Judge(vouches=lambda leaf: issued_by(leaf, device_public_key))
    for picture in pictures:
        judge.take(picture)                 # its NAL units, in the file's order
    report = judge.report()

Laws
- A picture is valid only under a signature that verifies, over a list that holds each of its slices in this order.
- What lies before the first signature's period and behind the last one is never called valid. The tail may be as long
  as the longest signed period, in slices and in pictures; more is unsigned.
- What follows a film may judge its tail, and is itself not judged.
- Judged are streams as Vigie makes them: each SEI is signed and has its list, and stands in the first picture after
  its period, or in the second where the first begins a GOP.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from agent.signing import nal
from agent.signing.alignment import Alignment, align
from agent.signing.certificates import fingerprint, read_leaf
from agent.signing.chain import digest, linked
from agent.signing.document import NO_LINK, Document, Flawed, Period, Signed, parse
from agent.signing.signer import name_set, signed_sets, utc_ms
from agent.signing.verdict import Finding, Kind, Report, Why

MOST_PENDING = 4096
"""Slices that wait for their signature; older ones are unsigned."""
_BROKEN: dict[Why, Kind] = {"certificate": "foreign", "no-certificate": "unsigned"}
"""What pictures are whose signature is not to be believed; altered, where it is not listed."""


@dataclass(frozen=True, slots=True)
class _Slice:
    picture: int
    plain: bytes
    anchor: bytes | None  # of its GOP, as it stands in the file; None: it is the anchor, or comes before any
    opens: bool
    sets: frozenset[str]


class _Keys:
    """The leaf that counts: one that the device vouches for, or the first of all where no device was named."""

    def __init__(self, vouches: Callable[[x509.Certificate], bool] | None) -> None:
        self._vouches = vouches
        self._leaf: x509.Certificate | None = None

    @property
    def vouched(self) -> bool | None:
        return None if self._vouches is None else self._leaf is not None

    @property
    def name(self) -> str:
        key = self._key()
        return "" if key is None else fingerprint(key)

    def _key(self) -> EllipticCurvePublicKey | None:
        key = None if self._leaf is None else self._leaf.public_key()
        return key if isinstance(key, EllipticCurvePublicKey) else None

    def fault(self, signed: Signed) -> Why:
        """Why a document is not to be believed; empty when it is."""
        if signed.document.chain:
            leaf = read_leaf(signed.document.chain)
            if leaf is None or not self._believes(leaf):
                return "certificate"
            self._leaf = leaf
        key = self._key()
        if key is None:
            return "no-certificate"
        try:
            key.verify(signed.signature, signed.message, ECDSA(SHA256()))
        except InvalidSignature:
            return "signature"
        return ""

    def _believes(self, leaf: x509.Certificate) -> bool:
        if self._vouches is not None:
            return self._vouches(leaf)
        return self._leaf is None or leaf == self._leaf


class Judge:
    """Takes a file's pictures one after the other."""

    def __init__(self, vouches: Callable[[x509.Certificate], bool] | None = None, header: Sequence[bytes] = ()) -> None:
        """`vouches`: is this leaf the device's? `header`: parameter sets of the container, for the whole file."""
        self._keys = _Keys(vouches)
        self._header = frozenset(map(name_set, header))
        self._sets = self._header
        self._coming: set[str] = set()
        self._signed_sets: set[str] = set()
        self._anchor: bytes | None = None
        self._signed_anchor: bytes | None = None
        self._pending: deque[_Slice] = deque()
        self._last: Document | None = None
        self._serial: str | None = None
        self._excused = 0  # counters of documents that were already told as broken
        self._longest = self._longest_pictures = 0
        self._pictures = 0
        self._film: int | None = None  # its pictures, once it ended
        self._uncovered: Counter[int] = Counter()
        self._findings: list[Finding] = []

    def end_film(self) -> None:
        """What is taken from here on is what was recorded after the film: it judges the film's last pictures."""
        self._film = self._pictures

    def take(self, nals: Sequence[bytes]) -> None:
        """One access unit."""
        self._pictures += 1
        for unit in nals:
            if nal.kind(unit) in nal.SLICES:
                self._slice(unit)
            elif nal.kind(unit) in (nal.SPS, nal.PPS):
                self._coming.add(name_set(unit))
            elif (read := parse(unit)) is not None:
                self._document(read)
            elif nal.kind(unit) != nal.DELIMITER and self._film is None:
                self._uncovered[nal.kind(unit)] += 1

    def _slice(self, unit: bytes) -> None:
        plain = digest(unit)
        opens = nal.starts_gop(unit)
        if opens:
            self._anchor = plain
        if self._coming:
            self._sets = frozenset(self._coming) if opens else self._sets | self._coming
            self._coming.clear()
        self._pending.append(_Slice(self._pictures, plain, None if opens else self._anchor, opens, self._sets))
        if len(self._pending) > MOST_PENDING:
            self._tell("unsigned", "end", [self._pending.popleft()])

    def _document(self, read: Signed | Flawed) -> None:
        why: Why = "form" if isinstance(read, Flawed) else self._keys.fault(read)
        if why or isinstance(read, Flawed):
            self._excused += 1
            kind = _BROKEN.get(why, "altered")
            self._tell(kind, why, list(self._pending), None if isinstance(read, Flawed) else read.document.period)
            self._pending.clear()
            return
        document = read.document
        if document == self._last:  # sent twice for redundancy
            return
        self._signed_sets |= signed_sets(document.vendor.firmware)
        if self._serial not in (None, document.vendor.serial):
            self._excused += 1
            self._tell("foreign", "camera", list(self._pending), document.period)
            self._pending.clear()
            return
        self._serial = document.vendor.serial
        self._sequence(document)
        self._longest = max(self._longest, document.period.nal_count)
        self._last, self._excused = document, 0

    def _sequence(self, document: Document) -> None:
        """What the counter and the link say, then the slices."""
        period = document.period
        last = None if self._last is None else self._last.period
        fresh = period.link == NO_LINK
        lost = 0 if last is None else period.counter - last.counter - 1 - self._excused
        if last is not None and fresh:
            self._tell("restart", "counter", [], period)
        elif last is not None and period.counter <= last.counter:
            self._tell("moved", "counter", [], period)
        elif self._last is not None and lost == 0 and not self._excused and period.link != self._last.hashes[0]:
            self._tell("altered", "link", [], period)
        if last is None or fresh or lost != 0 or not last.partial:
            self._signed_anchor = document.hashes[0]  # it may not be one; then nothing hangs on it
        late = last is None and fresh and len(self._pending) > period.nal_count  # signing began after the pictures
        self._judge(document, unknown=(last is None) != fresh or late or lost > 0)
        if not fresh and lost > 0:
            self._tell("missing", "counter", [], None, lost)

    def _candidates(self, one: _Slice) -> set[bytes]:
        """The hashes that a slice may have been signed under: its GOP's first slice may itself be altered or gone."""
        found = {linked(anchor, one.plain) for anchor in (one.anchor, self._signed_anchor) if anchor is not None}
        return {one.plain} if one.opens else found

    def _judge(self, document: Document, *, unknown: bool) -> None:
        """Lays the pending slices against a document. `unknown`: others may be pending before its period, unsigned."""
        pending = list(self._pending)
        self._pending.clear()
        laid = self._lay(pending, document)
        opened = max((at for at, one in enumerate(pending) if one.opens), default=None)
        if not document.period.partial and opened is not None and (not laid.matched or laid.matched[-1] < opened):
            self._pending.extend(pending[opened:])  # the GOP after it has begun
            pending = pending[:opened]
            laid = self._lay(pending, document)
        if self._last is None and not pending:
            return  # it signs what lies before this file
        if unknown and laid.head:
            self._tell("unsigned", "counter", pending[: laid.head])
            pending = pending[laid.head :]
            laid = self._lay(pending, document)
        self._tell_period(document, pending, laid)

    def _lay(self, pending: list[_Slice], document: Document) -> Alignment:
        return align([self._candidates(one) for one in pending], document.hashes)

    def _tell_period(self, document: Document, pending: list[_Slice], laid: Alignment) -> None:
        period = document.period
        strangers = frozenset[str]().union(*(one.sets for one in pending)) - signed_sets(document.vendor.firmware)
        counts: tuple[tuple[Kind, Why, int], ...] = (
            ("altered", "slices", laid.head + laid.altered),
            ("altered", "parameter-sets", len(pending) if strangers else 0),
            ("moved", "slices", laid.moved),
            ("missing", "slices", laid.missing),
        )
        bad = [one for one in counts if one[2]]
        if not bad:
            self._longest_pictures = max(self._longest_pictures, _span(pending))
        for kind, why, slices in bad or [("valid", "", len(pending))]:
            self._tell(kind, why, pending, period, slices)

    def _tell(
        self, kind: Kind, why: Why, about: Sequence[_Slice], period: Period | None = None, slices: int | None = None
    ) -> None:
        """Adds a finding, or lengthens the last one where it goes on."""
        first, last = (about[0].picture, about[-1].picture) if about else (self._pictures, self._pictures)
        count = len(about) if slices is None else slices
        begin, end = (None, None) if period is None else (utc_ms(period.begin_100ns), utc_ms(period.end_100ns))
        before = self._findings[-1] if self._findings else None
        behind = self._film is not None and first > self._film  # so that the film's own end is told
        joins = kind in ("valid", "unsigned") and before is not None and (before.kind, before.why) == (kind, why)
        if before is not None and joins and not behind:
            self._findings[-1] = replace(before, last_picture=last, slices=before.slices + count, end_ms=end)
        else:
            self._findings.append(Finding(kind, why, first, last, count, begin, end))

    def _is_tail(self, left: list[_Slice]) -> bool:
        """True where it is no longer than what one signature covers: its signature may lie behind the file's end."""
        signed = [one for one in left if one.picture != left[-1].picture]  # a GOP's last signature comes a picture late
        short = _span(signed) <= self._longest_pictures or not self._longest_pictures
        return self._last is not None and len(signed) <= self._longest and short

    def report(self) -> Report:
        """The verdict, once every picture was taken."""
        film = self._pictures if self._film is None else self._film
        if left := [one for one in self._pending if one.picture <= film]:
            self._tell("tail" if self._is_tail(left) else "unsigned", "end", left)
        self._pending.clear()
        if self._last is not None and self._header - self._signed_sets:
            self._tell("altered", "header", [], None, len(self._header - self._signed_sets))
        return Report(
            findings=tuple(_until(one, film) for one in self._findings if one.first_picture <= film),
            pictures=film,
            vouched=self._keys.vouched,
            key=self._keys.name,
            source=self._serial or "",
            uncovered=dict(self._uncovered),
        )


def _span(slices: Sequence[_Slice]) -> int:
    """How many pictures these are of."""
    return slices[-1].picture - slices[0].picture + 1 if slices else 0


def _until(one: Finding, picture: int) -> Finding:
    """A finding without what lies behind `picture`."""
    return one if one.last_picture <= picture else replace(one, last_picture=picture)
