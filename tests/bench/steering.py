"""From an operator's order to the head: the joystick's WebSocket at one end, the head's ONVIF at the other.

Both ends are outside the agent, so the figure holds the WebSocket, the judging of the grant and the head's own parsing
of SOAP besides what the agent does between an order's arrival and its request's leaving. Each order has a velocity of
its own, by which it is found again at the head.
"""

import asyncio
import math
import shutil
import statistics
import time

import aiohttp

from tests.bench.following import turning_mast
from tests.bench.mast import Mast
from tests.bench.tables import Table
from tests.bench.turning_camera import TurningCamera

EVERY_S = 0.05
"""As a joystick sends."""
SETTLE_S = 5.0


async def _steer(mast: Mast, seconds: float) -> dict[float, int]:
    """Velocity -> when its order was sent, monotonic ns."""
    sent: dict[float, int] = {}
    url = f"http://127.0.0.1:{mast.port}/ptz/cam-1/ws"
    async with aiohttp.ClientSession() as web, web.ws_connect(url) as socket:
        await socket.send_json({"grant": mast.grant("cam-1", allow="live,ptz")})
        first = await socket.receive_json()
        if not first.get("ok"):
            raise RuntimeError(f"steering was refused: {first}")
        for number in range(round(seconds / EVERY_S)):
            pan = round(0.1 + number / 10_000, 4)
            sent[pan] = time.monotonic_ns()
            await socket.send_json({"order": "velocity", "pan": pan, "tilt": 0, "zoom": 0})
            await socket.receive_json()
            await asyncio.sleep(max(0.0, sent[pan] / 1e9 + EVERY_S - time.monotonic()))
    return sent


def measure(rounds: int, seconds: float) -> list[Table]:
    """`rounds` runs of twenty orders a second; how many reached the head, and how soon."""
    table = Table(
        "From an order at the agent's door to the head", ("run", "orders", "arrived", "p50 ms", "p95 ms", "max ms")
    )
    with TurningCamera("sweeps") as camera:
        for number in range(rounds):
            with turning_mast(camera) as mast:
                time.sleep(SETTLE_S)
                known = len(camera.orders())
                sent = asyncio.run(_steer(mast, seconds))
                arrived = {round(pan, 4): at for at, pan in camera.orders()[known:]}
            shutil.rmtree(mast.folder)
            delays = sorted((arrived[pan] - at) / 1e6 for pan, at in sent.items() if pan in arrived)
            if len(delays) < len(sent) / 2:
                raise RuntimeError(f"{len(sent)} orders were sent, {len(delays)} reached the head")
            p95 = delays[math.ceil(0.95 * len(delays)) - 1]
            table.add(number + 1, len(sent), len(delays), statistics.median(delays), p95, delays[-1])
            print(f"  run {number + 1}: p95 {p95:.1f} ms of {len(delays)} orders", flush=True)
    return [table]
