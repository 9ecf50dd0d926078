"""What is found in signed pictures, as values for people and programs.

Finding(kind="valid", first_picture=1, last_picture=150, ...)
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "valid",  # every slice as it was signed, in its place
    "altered",  # slices, parameter sets or the signature itself are not what was signed
    "moved",  # signed pictures that stand in another order
    "missing",  # signed pictures that are not there
    "unsigned",  # pictures whose signature is not there
    "restart",  # a new chain begins: the mast started anew, and nothing here proves what lay between
    "foreign",  # signed for another camera, or by a key that the first one does not share its root with
    "tail",  # the last pictures, whose signature came after this file ends: not judged
]

Why = Literal[
    "",
    "slices",
    "parameter-sets",
    "signature",
    "form",  # the SEI is not as the specification lays down
    "link",  # it names another period before it
    "certificate",
    "no-certificate",  # none was there yet that says whose the signature is
    "counter",
    "camera",
    "header",  # parameter sets of the container's header that nobody signed
    "end",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One stretch of the file. Pictures count from 1 in the file's order; 0 where there is none.

    `begin_ms`, `end_ms`: UTC as signed, None where no signature says. `slices`: how many the kind is about.
    """

    kind: Kind
    why: Why
    first_picture: int
    last_picture: int
    slices: int
    begin_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole file. `vouched`: the key's certificate is from the device that was named; None when none was named.

    `uncovered`: NAL units, by kind, that signatures do not cover and that are not parameter sets.
    """

    findings: tuple[Finding, ...]
    pictures: int
    vouched: bool | None
    key: str = ""
    source: str = ""
    uncovered: dict[int, int] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        """Every picture that signatures can cover here is covered, and as it was."""
        kinds = {one.kind for one in self.findings}
        return "valid" in kinds and kinds <= {"valid", "tail"}


Word = Literal[
    "whole",  # every picture is as the named mast signed it
    "up-to",  # so are the pictures 1 to `verified_to`; the last ones are not judged
    "unvouched",  # at one with itself, but no mast was named
    "short",  # no signature of its own pictures is in it
    "refuted",
]

HARMLESS_TRACK = "data"
"""A track that no player shows, such as a time code."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A film's verdict. `others`: kinds of tracks besides the judged one."""

    report: Report
    others: tuple[str, ...] = ()

    @property
    def word(self) -> Word:
        """The verdict in a word; whoever wants the whole film proven takes `whole` and nothing else."""
        kinds = {one.kind for one in self.report.findings}
        if self.report.intact and all(one == HARMLESS_TRACK for one in self.others):
            if self.report.vouched is None:
                return "unvouched"
            if self.report.vouched:
                return "up-to" if "tail" in kinds else "whole"
        return "short" if kinds == {"tail"} else "refuted"

    @property
    def verified_to(self) -> int:
        """The last picture that is verified, counted from 1; 0 for none."""
        return self._valid.last_picture if self.word in ("whole", "up-to") else 0

    @property
    def verified_until_ms(self) -> int | None:
        """The signed end of the pictures that are verified, UTC."""
        return self._valid.end_ms if self.word in ("whole", "up-to") else None

    @property
    def _valid(self) -> Finding:
        return next(one for one in reversed(self.report.findings) if one.kind == "valid")
