"""A process that appends until it is killed: `python -m tests.register.child STATE` prints each number it was given."""

import sys
from pathlib import Path

from agent.clock import SystemClock
from agent.register import Register
from tests.register.rig import IDENTITY, view


def main(state: Path) -> None:
    """Ends by SIGKILL."""
    register = Register.open(state, IDENTITY, SystemClock(), town="lievin", mast="lievin-042")
    print("open", flush=True)
    while True:
        print(register.append(view(register.size)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
