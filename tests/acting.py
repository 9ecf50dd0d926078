"""A register of its own for whatever needs `Acts`: in a temporary folder that goes with it."""

import shutil
import tempfile
import weakref
from pathlib import Path

from agent.acts import Acts
from agent.clock import Clock, SystemClock
from agent.identity import load_or_make
from agent.register.bodies import Entered
from agent.register.ledger import Ledger


class Deeds(Acts):
    """Acts on a real register, which can be read."""

    def __init__(self, clock: Clock | None = None) -> None:
        state = Path(tempfile.mkdtemp(prefix="vigie-acts-"))
        weakref.finalize(self, shutil.rmtree, state, ignore_errors=True)
        self.ledger = Ledger(state, load_or_make(state), clock or SystemClock(), town="lievin", mast="lievin-042")
        self.ledger.open()
        super().__init__(self.ledger, clock or SystemClock())

    @property
    def bodies(self) -> list[Entered]:
        """What was entered, in order."""
        return [entry.body for entry in self.ledger.entries()]

    @property
    def kinds(self) -> list[str]:
        """Their kinds."""
        return [body.kind for body in self.bodies]
