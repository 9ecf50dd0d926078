"""Why someone may see pictures: the legal bases, each with its short word, and who may lay claim to one.

Law: a basis is a word of this enumeration, with a reference and a reason beside it. The words stand in grants,
requisitions and the register, so none is ever renamed or used for something else.

| word | what | source |
|---|---|---|
| `event` | an event that is going on, watched live | CSI L251-2: for what public roads may be filmed |
| `requisition` | a grant that follows a requisition; its article stands in the reference | CPP 60-1, 77-1-1, 99-3 |
| `maintenance` | a technician sets or repairs the camera | CSI L252-2: the authorisation says who operates |
| `habilitation` | an agent consults, designated and habilitated by name | CSI R253-3, II, as of 2023-11-30 |
| `cpp-60-1` | requisition in an inquiry of flagrance, by the prosecutor or an OPJ (APJ under control) | CPP 60-1 |
| `cpp-77-1-1` | requisition in a preliminary inquiry, by or authorised by the prosecutor | CPP 77-1-1 |
| `cpp-99-3` | requisition of an examining judge, or of an OPJ commissioned by one | CPP 99-3 |

>>> label("cpp-60-1")
'requisition (CPP art. 60-1)'
"""

from dataclasses import dataclass
from typing import Literal

from agent.language import say

Kind = Literal["event", "requisition", "maintenance", "habilitation"]
"""What a grant may rest on."""
Article = Literal["cpp-60-1", "cpp-77-1-1", "cpp-99-3"]
"""What a requisition may rest on (Code de procédure pénale)."""
LegalBasis = Literal[Kind, Article]
"""Every basis that a register entry can carry."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Why someone may look. `kind`: event, requisition, maintenance or habilitation."""

    kind: Kind
    reference: str
    reason: str


def label(basis: LegalBasis) -> str:
    """The basis in words, for people."""
    match basis:
        case "event":
            return say(en="live event", fr="événement en cours")
        case "requisition":
            return say(en="requisition", fr="réquisition")
        case "maintenance":
            return say(en="maintenance", fr="maintenance")
        case "habilitation":
            return say(en="habilitated consultation", fr="consultation par un agent habilité")
        case "cpp-60-1":
            return say(en="requisition (CPP art. 60-1)", fr="réquisition (art. 60-1 CPP)")
        case "cpp-77-1-1":
            return say(en="requisition (CPP art. 77-1-1)", fr="réquisition (art. 77-1-1 CPP)")
        case "cpp-99-3":
            return say(en="requisition (CPP art. 99-3)", fr="réquisition (art. 99-3 CPP)")
