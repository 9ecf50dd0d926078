"""Splits the vault identity so that K of N holders are needed, with nothing but age (docs/adr/0005).

Each holder has an age identity of his own. For each set of K holders the identity file is sealed to the one, the result
to the next, and so on: only all of them together peel it. A share file holds its holder's identity and the sealed
copies of every set. With two of three, stock tools put the identity together:

    sed -n 's/^#1+2 //p' vault-share-1.key | age -d -i vault-share-1.key | age -d -i vault-share-2.key > vault.key

Laws
- The identity itself is never written in between: it is split in memory.
- The sealed copies are no secret, and each share file has all of them: any K identity lines and one share file suffice.
- An identity line has age's own checksum (Bech32) and the file a SHA-256 in its last line, so that a character that was
  changed anywhere is told. A file with nothing but an identity line, typed from paper, counts as a share too.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pyrage

from agent.errors import KeyFileError, UsageError
from agent.language import reason, say

MOST_HOLDERS = 5
MAX_SHARE_BYTES = 64 << 10
_SPLIT = re.compile(r"([2-9])of([2-9])")
_SUM = "# sha256 of the lines above: "
_IDENTITY = "AGE-SECRET-KEY-1"
_FACTS = re.compile(r"^# vault: (\S+)\n# needed: ([2-5])$", re.MULTILINE)
_SEALED_LINE = re.compile(r"^#([1-9](?:\+[1-9])+) (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Split:
    """`needed` of `holders`."""

    needed: int
    holders: int

    def files(self) -> tuple[str, ...]:
        """The names of the share files."""
        return tuple(f"vault-share-{number}.key" for number in range(1, self.holders + 1))


@dataclass(frozen=True, slots=True)
class Share:
    """One share file as read: its holder's identity, and what it says of the vault; nothing when typed from paper."""

    path: Path
    identity: pyrage.x25519.Identity
    vault: str
    needed: int
    sealed: tuple[bytes, ...]


def parse_split(text: str) -> Split:
    """`2of3` -> Split; UsageError for anything else."""
    found = _SPLIT.fullmatch(text)
    split = Split(int(found[1]), int(found[2])) if found else Split(1, 0)
    if not split.needed <= split.holders <= MOST_HOLDERS:
        raise UsageError(
            say(
                en=f"--split {text}: give how many of how many holders, such as 2of3; 2 to {MOST_HOLDERS} of each",
                fr=f"--split {text} : donner combien de détenteurs sur combien, comme 2of3 ; de 2 à {MOST_HOLDERS}",
            )
        )
    return split


def split_identity(text: bytes, vault: str, split: Split) -> list[bytes]:
    """The share files' contents for an identity file `text` whose public line is `vault`."""
    holders = [pyrage.x25519.Identity.generate() for _ in range(split.holders)]
    sealed = []
    for which in combinations(range(split.holders), split.needed):
        name = "+".join(str(one + 1) for one in which)
        layers = text
        for one in reversed(which):  # the first holder's layer is the outermost, and in text form
            layers = pyrage.encrypt(layers, [holders[one].to_public()], armored=one == which[0])
        sealed += [f"#{name} {line}" for line in layers.decode().splitlines()]
    return [_share(number, holder, vault, split, sealed) for number, holder in enumerate(holders, start=1)]


def _share(number: int, holder: pyrage.x25519.Identity, vault: str, split: Split, sealed: Sequence[str]) -> bytes:
    lines = [
        f"# share {number} of {split.holders} of a Vigie vault identity: {split.needed} of them open it, fewer do not",
        f"# vault: {vault}",
        f"# needed: {split.needed}",
        "# `vigie-provision keys combine` puts vault.key together; so does age alone, here for shares "
        f"{' and '.join(map(str, range(1, split.needed + 1)))}:",
        f"#   {_by_hand(split)}",
        "# on paper the next line suffices; the lines below it are no secret and the same in each share",
        str(holder),
        *sealed,
    ]
    body = "".join(f"{line}\n" for line in lines).encode()
    return body + f"{_SUM}{hashlib.sha256(body).hexdigest()}\n".encode()


def _by_hand(split: Split) -> str:
    numbers = range(1, split.needed + 1)
    name = "+".join(map(str, numbers))
    opened = " | ".join(f"age -d -i vault-share-{one}.key" for one in numbers)
    return f"sed -n 's/^#{name} //p' vault-share-1.key | {opened} > vault.key"


def read_share(path: Path) -> Share:
    """The share in a file; KeyFileError naming the file when it is none, or was changed."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SHARE_BYTES)
        text = raw.decode()
    except OSError as error:
        why = reason(error)
        raise KeyFileError(say(en=f"{path}: cannot be read ({why})", fr=f"{path} : illisible ({why})")) from error
    except UnicodeDecodeError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    identities = [line for line in lines if not line.startswith("#")]
    if len(lines) > 1:
        _check_sum(path, raw)
    if len(identities) != 1 or not identities[0].upper().startswith(_IDENTITY):
        raise _no_share(path)
    try:
        identity = pyrage.x25519.Identity.from_str(identities[0])
    except pyrage.IdentityError as error:
        raise KeyFileError(
            say(
                en=f"{path}: at least one character of its {_IDENTITY}... line is wrong; compare it with the paper",
                fr=f"{path} : un caractère au moins de sa ligne {_IDENTITY}... est faux ; la comparer au papier",
            )
        ) from error
    if len(lines) == 1:
        return Share(path, identity, "", 0, ())
    sealed: dict[str, str] = {}
    for one in _SEALED_LINE.finditer(text):
        sealed[one[1]] = sealed.get(one[1], "") + f"{one[2]}\n"
    facts = _FACTS.search(text)
    if facts is None or not sealed:
        raise _no_share(path)
    return Share(path, identity, facts[1], int(facts[2]), tuple(one.encode() for one in sealed.values()))


def _no_share(path: Path) -> KeyFileError:
    return KeyFileError(
        say(
            en=f"{path}: is no share of a vault identity; give a vault-share-N.key, or a file with its "
            f"{_IDENTITY}... line alone",
            fr=f"{path} : n'est pas une part d'identité du coffre ; donner un vault-share-N.key, ou un fichier avec "
            f"sa seule ligne {_IDENTITY}...",
        )
    )


def _check_sum(path: Path, raw: bytes) -> None:
    body, mark, told = raw.rpartition(_SUM.encode())
    if not mark:
        raise _no_share(path)
    if told != f"{hashlib.sha256(body).hexdigest()}\n".encode():
        raise KeyFileError(
            say(
                en=f"{path}: was changed or damaged since it was made (its SHA-256 differs); copy it anew, or give "
                f"a file with its {_IDENTITY}... line alone beside an undamaged share",
                fr=f"{path} : modifié ou abîmé depuis sa création (SHA-256 différent) ; le recopier, ou donner un "
                f"fichier avec sa seule ligne {_IDENTITY}... à côté d'une part intacte",
            )
        )


def combine(shares: Sequence[Share]) -> bytes:
    """The identity file that the shares open together; KeyFileError when they are too few or do not belong together."""
    full = [one for one in shares if one.sealed]
    if not full:
        raise KeyFileError(
            say(
                en="at least one whole vault-share-N.key is needed: identity lines alone have nothing to open",
                fr="il faut au moins un vault-share-N.key entier : des lignes seules n'ont rien à ouvrir",
            )
        )
    if len({(one.vault, one.needed, one.sealed) for one in full}) > 1:
        names = ", ".join(str(one.path) for one in full)
        raise KeyFileError(
            say(
                en=f"{names}: are shares of different splits; take them all from one",
                fr=f"{names} : parts de partages différents ; les prendre toutes du même",
            )
        )
    holders = {str(one.identity): one.identity for one in shares}
    for sealed in full[0].sealed:
        text = _peel(sealed, list(holders.values()), full[0].needed)
        if text is not None and _opens(text, full[0].vault):
            return text
    needed = full[0].needed
    if len(holders) < needed:
        raise KeyFileError(
            say(
                en=f"{len(holders)} different share(s) of the {needed} needed; ask another holder",
                fr=f"{len(holders)} part(s) différente(s) sur les {needed} requises ; demander à un autre détenteur",
            )
        )
    raise KeyFileError(
        say(
            en=f"these shares do not belong together: no {needed} of them open {full[0].vault}",
            fr=f"ces parts ne vont pas ensemble : aucune réunion de {needed} n'ouvre {full[0].vault}",
        )
    )


def _peel(sealed: bytes, holders: list[pyrage.x25519.Identity], layers: int) -> bytes | None:
    """What is within all layers, None when the holders are not those it was sealed to."""
    for _ in range(layers):
        try:
            sealed = pyrage.decrypt(sealed, holders)
        except pyrage.DecryptError:
            return None
    return sealed


def _opens(text: bytes, vault: str) -> bool:
    """True when an identity file is the one whose public line is `vault`."""
    lines = [line for line in text.decode(errors="replace").splitlines() if line.startswith(_IDENTITY)]
    try:
        return [str(pyrage.x25519.Identity.from_str(line).to_public()) for line in lines] == [vault]
    except pyrage.IdentityError:
        return False
