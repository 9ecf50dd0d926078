"""The system's refusals as sentences: what it means and how to mend it. Pure."""

import errno
import os

from agent.language import say


def _texts() -> dict[int, str]:
    full = say(
        en="the disk is full; lower vault.max_gib or free space",
        fr="le disque est plein ; baisser vault.max_gib ou libérer de la place",
    )
    return {
        errno.ENOSPC: full,
        errno.EDQUOT: full,
        errno.EROFS: say(
            en="the file system is read-only, as after a fault; check the disk and mount it for writing",
            fr="le système de fichiers est en lecture seule, comme après une panne ; vérifier le disque et le remonter",
        ),
        errno.EIO: say(
            en="the disk reports an input/output error; replace it soon",
            fr="le disque signale une erreur d'entrée-sortie ; le remplacer bientôt",
        ),
        errno.ENOENT: say(
            en="the segments' folder has vanished; check that the disk is mounted",
            fr="le dossier des segments a disparu ; vérifier que le disque est monté",
        ),
        errno.EACCES: say(
            en="writing is not permitted; give the state directory to the agent's user",
            fr="écriture interdite ; donner le répertoire d'état à l'utilisateur de l'agent",
        ),
    }


def why(error: BaseException) -> str:
    """A sentence for an OSError, or the error's own text."""
    if isinstance(error, OSError) and error.errno is not None:
        known = _texts().get(errno.EACCES if error.errno == errno.EPERM else error.errno)
        return known or os.strerror(error.errno)
    return str(error) or type(error).__name__
