"""A mast's telemetry in a process of its own, to be killed: `python -m tests.telemetry.child PORT`."""

import asyncio
import sys

from tests.telemetry.brokers import World

if __name__ == "__main__":
    asyncio.run(World().telemetry(int(sys.argv[1])).run())
