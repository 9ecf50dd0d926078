"""A command's end of the control socket.

>>> ask(Path("/var/lib/vigie"), {"command": "aim-approve", "camera": "parvis-fixed", "by": "C. Durand"})
{'ok': True}
"""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from agent.control.paths import MOST_BYTES, short_path
from agent.errors import ControlError
from agent.language import reason, say

WAIT_S = 60.0


def ask(state: Path, request: Mapping[str, object], wait_s: float = WAIT_S) -> dict[str, object] | None:
    """The running agent's answer; None when no agent listens, or there is no such state.

    ControlError: it may not be asked, or says nonsense.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(wait_s)
        try:
            with short_path(state) as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise _refused(reason(error)) from error
        try:
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_line(connection))
        except (OSError, ValueError) as error:
            raise _refused(say(en="it gives no answer", fr="pas de réponse")) from error
    if not isinstance(answer, dict):
        raise _refused(say(en="it gives no answer", fr="pas de réponse"))
    return answer


def _refused(why: str) -> ControlError:
    return ControlError(
        say(
            en=f"the running agent cannot be asked ({why}); run this as root or as the agent's user",
            fr=f"l'agent en marche ne peut être joint ({why}) ; lancer ceci en root ou sous son utilisateur",
        )
    )


def _line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n") and len(received) <= MOST_BYTES:
        part = connection.recv(4096)
        if not part:
            break
        received += part
    return received
