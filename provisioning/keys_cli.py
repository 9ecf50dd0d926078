"""`vigie-provision keys init | combine`.

vigie-provision keys init --out keys --split 2of3
vigie-provision keys combine --share keys/vault-share-1.key --share keys/vault-share-3.key --out vault.key
"""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from agent.access.keys import write_new
from agent.clock import SystemClock
from agent.errors import UsageError
from agent.language import say
from provisioning import keys, shares
from provisioning.parsing import Parser


def _init_parser() -> Parser:
    about = say(en="makes the town's keys in a new folder", fr="crée les clés de la ville dans un dossier neuf")
    one = Parser("vigie-provision keys init", about)
    add = one.add_argument
    add("--out", required=True, type=Path, metavar="DIR", help=say(en="the folder", fr="le dossier"))
    split = say(
        en="split vault.key: 2 of 3 holders are needed", fr="partager vault.key : il en faut 2 sur 3 détenteurs"
    )
    add("--split", metavar="2of3", help=split)
    only = say(en="a vault identity alone, to rotate to", fr="l'identité du coffre seule, pour une rotation")
    add("--vault-only", action="store_true", help=only)
    add("--post-quantum", action="store_true", help=say(en="not possible yet", fr="pas encore possible"))
    one.add_json()
    return one


def _no_post_quantum() -> UsageError:
    mine = version("pyrage")
    return UsageError(
        say(
            en=f"--post-quantum: pyrage {mine} makes no post-quantum identities (age1pq1..., in age since 1.3.0), "
            "so no mast could seal for them; leave it out now, and rotate ([[vault.rotation]]) once pyrage has them",
            fr=f"--post-quantum : pyrage {mine} ne crée pas d'identité post-quantique (age1pq1..., dans age depuis la "
            "1.3.0), aucun mât ne pourrait sceller pour elle ; s'en passer, et faire une rotation ([[vault.rotation]]) "
            "quand pyrage les aura",
        )
    )


def _init(arguments: Sequence[str]) -> None:
    options = _init_parser().parse_args(arguments)
    if options.post_quantum:
        raise _no_post_quantum()
    split = None if options.split is None else shares.parse_split(options.split)
    recipient, files = keys.init(options.out, SystemClock().wall(), split, vault_only=options.vault_only)
    if options.json:
        print(json.dumps({"folder": str(options.out), "files": files, "recipient": recipient}))
        return
    for name in files:
        print(options.out / name)
    print(
        say(
            en=f"vault.recipients of each mast: {recipient}\nkeep the .key files away from the masts",
            fr=f"vault.recipients de chaque mât : {recipient}\ngarder les fichiers .key loin des mâts",
        )
    )
    if split is not None:
        print(
            say(
                en=f"give each holder one vault-share and keep none: {split.needed} of {split.holders} open the vault",
                fr=f"remettre à chaque détenteur sa part et n'en garder aucune : {split.needed} sur {split.holders} "
                "ouvrent le coffre",
            )
        )


def _combine(arguments: Sequence[str]) -> None:
    about = say(en="puts vault.key together from shares", fr="reconstitue vault.key à partir de parts")
    parser = Parser("vigie-provision keys combine", about)
    add = parser.add_argument
    share = say(
        en="vault-share-N.key, or a file with its one line", fr="vault-share-N.key, ou un fichier avec sa ligne"
    )
    add("--share", required=True, nargs="+", action="extend", type=Path, metavar="FILE", help=share)
    add("--out", required=True, type=Path, metavar="FILE", help=say(en="the new vault.key", fr="le nouveau vault.key"))
    options = parser.parse_args(arguments)
    write_new(options.out, shares.combine([shares.read_share(path) for path in options.share]), 0o600)
    print(options.out)
    print(
        say(
            en="it opens everything alone: delete it as soon as it has served",
            fr="il ouvre tout à lui seul : l'effacer dès qu'il a servi",
        )
    )


STEPS: Mapping[str, Callable[[Sequence[str]], None]] = {"init": _init, "combine": _combine}
