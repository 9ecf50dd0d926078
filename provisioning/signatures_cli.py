"""`vigie-provision evidence check-signatures`.

vigie-provision evidence check-signatures x.mp4 --device-pub device.pub
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.language import say
from provisioning import signatures
from provisioning.parsing import Parser

VERIFIED = 0
REFUTED = 1
UP_TO = 3
"""Verified up to a picture that is named; the last ones are not judged."""


def _parser() -> Parser:
    about = say(en="checks the signatures in a file's pictures", fr="vérifie les signatures des images d'un fichier")
    one = Parser("vigie-provision evidence check-signatures", about)
    file = say(en="decrypted footage, MP4", fr="enregistrement déchiffré, MP4")
    one.add_argument("file", type=Path, metavar="FILE", help=file)
    device = one.add_mutually_exclusive_group()
    key = say(en="the mast's identity/device.pub", fr="identity/device.pub du mât")
    device.add_argument("--device-pub", type=Path, metavar="FILE", help=key)
    certificate = say(en="the mast's identity/device.crt", fr="identity/device.crt du mât")
    device.add_argument("--certificate", type=Path, metavar="FILE", help=certificate)
    after = say(
        en="the recording's next segment, decrypted: it judges the last pictures",
        fr="le segment suivant de l'enregistrement, déchiffré : il juge les dernières images",
    )
    one.add_argument("--following", type=Path, metavar="FILE", help=after)
    one.add_json()
    return one


def _check(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    from agent.signing.film import judge_film  # PyAV takes a moment that the other commands need not wait

    device = signatures.device_key(options.device_pub, options.certificate)
    verdict = judge_film(options.file, device, options.following)
    print(json.dumps(signatures.values(verdict)) if options.json else "\n".join(signatures.lines(verdict)))
    return {"whole": VERIFIED, "up-to": UP_TO}.get(verdict.word, REFUTED)


STEPS: Mapping[str, Callable[[Sequence[str]], int]] = {"check-signatures": _check}
