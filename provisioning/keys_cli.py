"""`vigie-provision keys init`."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.clock import SystemClock
from agent.language import say
from provisioning import keys
from provisioning.parsing import Parser


def _init_parser() -> Parser:
    about = say(en="makes the town's keys in a new folder", fr="crée les clés de la ville dans un dossier neuf")
    one = Parser("vigie-provision keys init", about)
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help=say(en="the folder", fr="le dossier"))
    one.add_json()
    return one


def _init(arguments: Sequence[str]) -> None:
    options = _init_parser().parse_args(arguments)
    recipient = keys.init(options.out, SystemClock().wall())
    if options.json:
        print(json.dumps({"folder": str(options.out), "files": keys.FILES, "recipient": recipient}))
        return
    for name in keys.FILES:
        print(options.out / name)
    print(
        say(
            en=f"vault.recipients of each mast: {recipient}\nkeep the .key files away from the masts",
            fr=f"vault.recipients de chaque mât : {recipient}\ngarder les fichiers .key loin des mâts",
        )
    )


STEPS: Mapping[str, Callable[[Sequence[str]], None]] = {"init": _init}
