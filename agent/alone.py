"""A mast's state in the hands of a command at the box while no agent runs: locked, as its owner, and entered.

    with alone(configuration, "export") as held:        # VaultError, RegisterError, ControlError, KeyFileError
        held.ledger.enter(...)

Laws
- The lock is the agent's own: an agent that starts meanwhile says who has the state, and two never write it.
- What is written belongs to whom the state belongs, also when root gives the command: the agent must be able to go on.
- First of all it is entered that this command was given without an agent, and last that it has ended. An agent's start
  and stop are entered by agents only; what the run before left open is found and told here as at an agent's start.
- Where no agent has ever run there is nothing to hold: no identity and no register are made here.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent import __version__
from agent.clock import SystemClock
from agent.config import Configuration
from agent.errors import ControlError, VaultError
from agent.identity import DeviceIdentity, load_or_make
from agent.language import reason, say
from agent.register.bodies import CommandBegan, CommandEnded, PowerCutFound
from agent.register.ledger import Ledger
from agent.register.values import Command
from agent.registrar import was_cut
from agent.vault.lock import LOCK, StateLock
from agent.vault.reasons import why


@dataclass(frozen=True, slots=True)
class Held:
    """What a command works with. `cut`: the run before ended without saying so."""

    identity: DeviceIdentity
    clock: SystemClock
    ledger: Ledger
    lock: StateLock
    cut: bool

    def tell_cut(self, found: int) -> None:
        """Enters a power cut, if there was one. `found`: segments that it left open."""
        if self.cut or found:
            self.ledger.note(PowerCutFound(segments=found))


@contextmanager
def alone(configuration: Configuration, command: Command) -> Iterator[Held]:
    """The state while it is ours; see the module."""
    mast = configuration.mast
    if not has_run(mast.state):
        raise ControlError(
            say(en=f"{mast.state}: no agent has run here", fr=f"{mast.state} : aucun agent n'a tourné ici")
        )
    try:
        with _as_owner(mast.state), StateLock(mast.state, f"vigie {command}") as lock:
            yield from _held(configuration, command, lock)
    except OSError as error:
        raise VaultError(f"{mast.state}: {why(error)}") from error


def _held(configuration: Configuration, command: Command, lock: StateLock) -> Iterator[Held]:
    mast = configuration.mast
    identity, clock = load_or_make(mast.state), SystemClock()
    ledger = Ledger(mast.state, identity, clock, town=mast.town, mast=mast.id)
    ledger.open()
    try:
        clock.raise_floor(ledger.last_ms() * 1_000_000)
        cut = was_cut(ledger)
        ledger.enter(CommandBegan(command, __version__, configuration.sha256))
        yield Held(identity, clock, ledger, lock, cut)
    finally:
        if not ledger.fault:
            ledger.note(CommandEnded(command))
        ledger.close()


def has_run(state: Path) -> bool:
    """Whether an agent has ever had this state directory. ControlError where it cannot even be looked at."""
    try:
        return (state / LOCK).exists()
    except OSError as error:
        raise _not_ours(state, reason(error)) from error


@contextmanager
def _as_owner(state: Path) -> Iterator[None]:
    """What is done meanwhile is done as the state's owner (seteuid(2): the whole process); for root and them only."""
    owner = state.stat()
    if os.geteuid() == owner.st_uid:
        yield
        return
    if os.geteuid() != 0:
        raise _not_ours(state, _name(owner.st_uid))
    group = os.getegid()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _not_ours(state: Path, cause: str) -> ControlError:
    return ControlError(
        say(
            en=f"{state}: not yours ({cause}); run this as root or as the agent's user",
            fr=f"{state} : pas à vous ({cause}) ; lancer ceci en root ou sous l'utilisateur de l'agent",
        )
    )
