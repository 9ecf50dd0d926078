"""`make bench`: runs the measurements and prints their tables; JSON goes to build/bench/.

python tests/bench/run.py                       everything, about an hour
python tests/bench/run.py --only cost latency   some of it
python tests/bench/run.py --quick               everything briefly: does it work?
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import (  # noqa: E402  (the path comes first)
    cameras,
    cost,
    export,
    following,
    latency,
    memory,
    month,
    register,
    signing,
    steering,
    viewers,
)
from tests.bench.processes import machine  # noqa: E402
from tests.bench.tables import Table, write  # noqa: E402

LONG: dict[str, Callable[[], list[Table]]] = {
    "cost": lambda: cost.measure(rounds=5, seconds=20),
    "viewers": lambda: viewers.measure(rounds=3, seconds=15),
    "latency": lambda: latency.measure(rounds=5, seconds=20),
    "following": lambda: following.measure(rounds=5, seconds=32),
    "steering": lambda: steering.measure(rounds=3, seconds=20),
    "cameras": lambda: cameras.measure(seconds=30),
    "memory": lambda: memory.measure(seconds=600),
    "register": lambda: register.measure(entries=100_000),
    "month": lambda: month.measure(((1, 3), (1, 30), (4, 8))),
    "signing": lambda: signing.measure(rounds=7, pictures=250),
    "export": lambda: export.measure(seconds=3600, rounds=5),
}
QUICK: dict[str, Callable[[], list[Table]]] = {
    "cost": lambda: cost.measure(rounds=1, seconds=10),
    "viewers": lambda: viewers.measure(rounds=1, seconds=5),
    "latency": lambda: latency.measure(rounds=1, seconds=5),
    "following": lambda: following.measure(rounds=1, seconds=16),
    "steering": lambda: steering.measure(rounds=1, seconds=5),
    "cameras": lambda: cameras.measure(seconds=5, most=2),
    "memory": lambda: memory.measure(seconds=30),
    "register": lambda: register.measure(entries=2000),
    "month": lambda: month.measure(((1, 1),)),
    "signing": lambda: signing.measure(rounds=1, pictures=60),
    "export": lambda: export.measure(seconds=60, rounds=1),
}


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=LONG, default=list(LONG), metavar="NAME", help=", ".join(LONG))
    parser.add_argument("--quick", action="store_true", help="short runs: figures worth nothing")
    arguments = parser.parse_args()
    where = machine()
    print(json.dumps(where), flush=True)
    for name in arguments.only:
        print(f"== {name}", flush=True)
        tables = (QUICK if arguments.quick else LONG)[name]()
        for table in tables:
            print(f"\n{table}\n", flush=True)
        write(ROOT / "build" / "bench", name, where, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
