"""`vigie-provision witness keys | serve`.

vigie-provision witness keys --out keys --name csu.lievin.example/w1
vigie-provision witness serve --key keys/witness.key --name csu.lievin.example/w1 \\
    --origin-key vigie/lievin/lievin-042=device.pub --state witness.json --listen 127.0.0.1:8650
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.language import say
from provisioning.parsing import Parser


def _witness_keys_parser() -> Parser:
    about = say(en="makes a witness's key", fr="crée la clé d'un témoin")
    one = Parser("vigie-provision witness keys", about)
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help=say(en="the folder", fr="le dossier"))
    one.add_argument(
        "--name", required=True, help=say(en="such as csu.town.example/w1", fr="comme csu.ville.example/t1")
    )
    return one


def _witness_parser() -> Parser:
    about = say(en="cosigns the registers' heads over HTTP", fr="cosigne les têtes des registres par HTTP")
    one = Parser("vigie-provision witness serve", about)
    add = one.add_argument
    add("--key", required=True, type=Path, metavar="FILE", help="witness.key")
    add("--name", required=True, help=say(en="the name that its key was made with", fr="le nom donné à sa clé"))
    add(
        "--origin-key",
        required=True,
        nargs="+",
        action="extend",
        metavar="ORIGIN=FILE",
        help=say(en="vigie/TOWN/MAST=device.pub of each mast", fr="vigie/VILLE/MAT=device.pub de chaque mât"),
    )
    state = say(en="where it remembers the last heads", fr="où il retient les dernières têtes")
    add("--state", required=True, type=Path, metavar="FILE", help=state)
    add("--listen", required=True, metavar="HOST:PORT", help=say(en="plain HTTP", fr="HTTP simple"))
    return one


def _keys(arguments: Sequence[str]) -> None:
    options = _witness_keys_parser().parse_args(arguments)
    from provisioning import witness  # aiohttp takes a moment that the other commands need not wait

    print(witness.make_keys(options.out, options.name))


def _serve(arguments: Sequence[str]) -> None:
    options = _witness_parser().parse_args(arguments)
    from provisioning import witness

    own, known = witness.cosigner(options.key, options.name), witness.logs(options.origin_key)
    memory, (host, port) = witness.Memory(options.state), witness.address(options.listen)
    asyncio.run(witness.serve(witness.Witness(own, known, memory), host, port))


STEPS: Mapping[str, Callable[[Sequence[str]], None]] = {"keys": _keys, "serve": _serve}
