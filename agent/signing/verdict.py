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

    @property
    def verified(self) -> bool:
        """Intact, and signed by the device that was named."""
        return self.intact and self.vouched is True
