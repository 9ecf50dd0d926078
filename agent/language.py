"""Operator-facing text in French and English: `say(en=..., fr=...)` picks by the environment.

>>> say(en="no such camera", fr="caméra inconnue", language="fr")
'caméra inconnue'
"""

import errno
import os
from collections.abc import Mapping


def language() -> str:
    """`fr` or `en`, from LC_ALL, LC_MESSAGES or LANG in the order that POSIX gives them."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def say(*, en: str, fr: str, language: str = language()) -> str:
    """The text in the process's language; both must be given, so that neither is forgotten."""
    return fr if language == "fr" else en


_FRENCH: Mapping[int, str] = {
    errno.EACCES: "accès refusé",
    errno.EADDRINUSE: "adresse déjà utilisée",
    errno.EADDRNOTAVAIL: "adresse étrangère à cette machine",
    errno.ECONNREFUSED: "connexion refusée",
    errno.EEXIST: "existe déjà",
    errno.EFBIG: "fichier trop grand",
    errno.EHOSTUNREACH: "hôte inaccessible",
    errno.EIO: "erreur d'entrée-sortie",
    errno.EISDIR: "est un dossier",
    errno.ELOOP: "trop de liens symboliques",
    errno.ENAMETOOLONG: "nom trop long",
    errno.ENETUNREACH: "réseau inaccessible",
    errno.ENOENT: "fichier ou dossier absent",
    errno.ENOSPC: "plus de place sur le disque",
    errno.ENOTDIR: "n'est pas un dossier",
    errno.EPERM: "opération non permise",
    errno.EROFS: "en lecture seule",
}


def reason(error: OSError) -> str:
    """Why the system refused, in a few words; in its own, which are English, where there are no French ones.

    >>> reason(FileNotFoundError(2, "No such file or directory"))
    'No such file or directory'
    """
    own = error.strerror or type(error).__name__
    return say(en=own, fr=own if error.errno is None else _FRENCH.get(error.errno, own))
