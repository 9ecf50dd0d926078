"""argparse in French too: `vigie` and `vigie-provision` ask their options through `Parser`.

    parser = Parser("vigie-provision grant", say(en="signs a grant", fr="signe une autorisation"))
    parser.add_argument("--agent", required=True)
    parser.parse_args(arguments)            # bad usage: the usage and one sentence on stderr, status 2

Law: of what a user is told of an option, no word is argparse's own English when the language is French. The two words
that stand in the usage itself are options and values, which are typed as they stand there.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from agent.language import language, say

MISUSED = 2

_FRENCH = (
    (r"the following arguments are required: (?:command|action)", "dire une commande"),
    (r"the following arguments are required: (.*)", r"il manque : \1"),
    (r"unrecognized arguments: (.*)", r"arguments inconnus : \1"),
    (r"argument (?:command|action): invalid choice: (.*?) \(choose from (.*)\)", r"\1 n'est pas l'un de \2"),
    (r"argument (.*?): invalid choice: (.*?) \(choose from (.*)\)", r"\1 : \2 n'est pas l'un de \3"),
    (r"argument (.*?): invalid int value: (.*)", r"\1 : \2 n'est pas un nombre entier"),
    (r"argument (.*?): invalid float value: (.*)", r"\1 : \2 n'est pas un nombre"),
    (r"argument (.*?): expected (?:at least )?one argument", r"\1 : il manque une valeur"),
    (r"argument (.*?): ignored explicit argument (.*)", r"\1 : ne prend pas de valeur (\2)"),
    (r"argument (.*?): (.*)", r"\1 : \2"),
)


class _Formatter(argparse.HelpFormatter):
    """The usage begins in the language of the process."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """As argparse's own; `prefix`: None for the usual one."""
        word = say(en="usage: ", fr="utilisation : ") if prefix is None else prefix
        super().add_usage(usage, actions, groups, word)


class Parser(argparse.ArgumentParser):
    """argparse, whose own words and faults come in French too. No option may be shortened."""

    def __init__(self, prog: str | None = None, description: str | None = None, **rest: Any) -> None:
        rest = {"formatter_class": _Formatter, **rest, "add_help": False, "allow_abbrev": False}
        super().__init__(prog=prog, description=description, **rest)
        self._positionals.title = say(en="what to give", fr="à donner ")
        self._optionals.title = say(en="options", fr="options ")
        self.add_argument("-h", "--help", action="help", help=say(en="this help", fr="cette aide"))

    def error(self, message: str) -> NoReturn:
        """Ends with status 2 and one sentence."""
        for english, french in _FRENCH:
            if language() == "fr" and (found := re.fullmatch(english, message)):
                message = found.expand(french)
                break
        self.print_usage(sys.stderr)
        self.exit(MISUSED, f"{self.prog}: {message}\n")


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `low` to `high`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(
                say(
                    en=f"{text!r} is no whole number from {low} to {high}",
                    fr=f"{text!r} n'est pas un nombre entier de {low} à {high}",
                )
            )
        return int(text)

    return number
