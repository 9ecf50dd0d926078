"""What the signatures in a joined film's pictures add to a pack's verdict, as one line. Pure.

Law: bad is only what no honest mast makes: pictures that are altered, out of their order, or another key's; or missing
where the pack knows of no gap. What signatures cannot tell (the last half second, a restart, a mast that could not
sign) is a note: there the pack's own hashes vouch for the bytes.
"""

from agent.language import say
from agent.signing.verdict import Verdict
from provisioning.evidence_verdict import Line, Status, word
from provisioning.signatures import finding_line

FORGED = frozenset({"altered", "moved", "foreign"})


def about_pictures(film: str, verdict: Verdict, *, gaps: bool) -> Line:
    """The line of a film. `gaps`: recording paused in it, or a recording is left out of it."""
    status, text = _judged(verdict, gaps=gaps)
    return Line(status, word("pictures"), f"{film}: {text}")


def _judged(verdict: Verdict, *, gaps: bool) -> tuple[Status, str]:
    count, last = verdict.report.pictures, verdict.verified_to
    match verdict.word:
        case "whole":
            return "good", say(
                en=f"all {count} are as this mast signed them",
                fr=f"les {count} sont telles que ce mât les a signées",
            )
        case "up-to":
            return "note", say(
                en=f"1 to {last} are as this mast signed them; for {last + 1} to {count} the pack's hashes vouch",
                fr=f"1 à {last} telles que ce mât les a signées ; de {last + 1} à {count}, les empreintes du paquet "
                "répondent",
            )
        case "unvouched":
            return "note", say(
                en="at one with themselves, but nobody vouches for their key; the pack's hashes vouch for them",
                fr="cohérentes, mais personne ne répond de leur clé ; les empreintes du paquet en répondent",
            )
        case "short":
            return "note", say(
                en="too few for a signature of their own; the pack's hashes vouch for them",
                fr="trop peu pour une signature ; les empreintes du paquet en répondent",
            )
        case "refuted":
            return _refuted(verdict, gaps=gaps)


def _refuted(verdict: Verdict, *, gaps: bool) -> tuple[Status, str]:
    report = verdict.report
    kinds = {one.kind for one in report.findings}
    wrong = FORGED if gaps or "restart" in kinds else FORGED | {"missing"}
    found = [one for one in report.findings if one.kind in wrong]
    if found:
        first = finding_line(found[0], report.pictures)
        more = say(en=f" (and {len(found) - 1} more)", fr=f" (et {len(found) - 1} autres)") if len(found) > 1 else ""
        return "bad", say(
            en=f"NOT as this mast signed them: {first}", fr=f"AUTRES que signées par ce mât : {first}"
        ) + more
    if verdict.others and any(one != "data" for one in verdict.others):
        return "bad", say(en="another track beside them is not signed", fr="une autre piste à côté n'est pas signée")
    if "valid" not in kinds:
        return "note", say(
            en="carry no signature of the mast's; the pack's hashes vouch for them",
            fr="sans signature du mât ; les empreintes du paquet en répondent",
        )
    return "note", say(
        en="as this mast signed them but around a gap, a restart or where it could not sign; there the pack's hashes "
        "vouch",
        fr="telles que ce mât les a signées, sauf près d'une lacune, d'une reprise ou là où il ne put signer ; là, les "
        "empreintes du paquet répondent",
    )
