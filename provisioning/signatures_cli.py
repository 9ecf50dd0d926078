"""`vigie-provision evidence check-signatures`.

vigie-provision evidence check-signatures x.mp4 --device-pub device.pub
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.language import say
from provisioning.parsing import Parser

VERIFIED = 0
REFUTED = 1


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
    one.add_json()
    return one


def _check(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    from provisioning import signatures  # PyAV takes a moment that the other commands need not wait

    checked = signatures.check(options.file, signatures.trust(options.device_pub, options.certificate))
    print(json.dumps(checked.json()) if options.json else "\n".join(checked.lines()))
    return VERIFIED if checked.verified else REFUTED


STEPS: Mapping[str, Callable[[Sequence[str]], int]] = {"check-signatures": _check}
