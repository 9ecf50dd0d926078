"""What heads do while they are judged: restless journeys, and faults that must blind for the right reason."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from agent.virtual.ptz_camera import VirtualPtz
from tests.e2e.turning import Mast

Act = Callable[[], Awaitable[object]]

CONTRADICTION = frozenset({"contradiction-picture", "contradiction-reports"})
UNSURE = CONTRADICTION | {"moving-too-fast", "pose-old", "onvif-silent", "flipping", "head-homing", "starting"}
"""Why a head that finds its zero, or goes over its nadir, is not followed."""

PLACES = ((-33.0, 0.0), (-33.0, 9.0), (34.0, 12.0), (36.0, 38.0), (51.0, -6.0), (87.3, 3.2), (120.0, -8.0))
PLACES += ((180.0, 0.0), (-156.0, 9.0), (-125.0, 7.0), (-90.3, 1.6), (143.0, -60.0))
"""Where the private places are."""


async def restless(head: VirtualPtz, pictures: int, seed: int, *, fastest: float = 0.5) -> None:
    """Looks at private places at any zoom, sweeps across them at up to 60 degrees a second, turns back, stands.

    It goes on until the camera has sent so many pictures since its start, however long a loaded machine takes for them.
    """
    dice = random.Random(seed)
    while await sent(head) < pictures:
        pan_deg, tilt_deg = dice.choice(PLACES)
        zoom = dice.choice((0.0, 0.1, 0.25, 0.5, 0.8, 1.0))
        await head.absolute(pan_deg=pan_deg + dice.uniform(-4, 4), tilt_deg=tilt_deg, zoom=zoom, speed=fastest)
        await asyncio.sleep(dice.uniform(1.5, 3.0))
        for _ in range(dice.choice((1, 2, 3))):
            pan = dice.choice((-1, 1)) * dice.choice((0.03, 0.125, 0.125, 0.25, fastest))
            tilt = dice.choice((0.0, 0.0, 0.1, -0.1, 0.5, -0.5, 1.0, -1.0))
            lasts = dice.uniform(0.3, 1.2)
            change = dice.choice((0.0, 0.0, 0.4, -1.0))
            await head.velocity(pan=pan, tilt=tilt if abs(tilt) < 0.2 else 0.0, zoom=change, timeout_s=lasts)
            await asyncio.sleep(lasts * dice.choice((0.6, 1.0, 1.3)))
            if abs(tilt) > 0.2:  # up or down by up to 60 degrees a second, and back at once
                await head.velocity(pan=0.0, tilt=tilt, timeout_s=0.4)
                await asyncio.sleep(0.4)
                await head.velocity(pan=0.0, tilt=-tilt, timeout_s=0.4)
                await asyncio.sleep(0.4)


async def sent(head: VirtualPtz) -> int:
    """Pictures since the camera's start."""
    await head.refresh()
    return len(head.poses)


async def suffers(
    mast: Mast,
    camera: str,
    begin: Act,
    end: Act,
    reasons: frozenset[str],
    *,
    then: Act | None = None,
    stays: bool = True,
) -> str:
    """A fault begins: the agent is blind for the right reason, stays so while it lasts, and is back afterwards."""
    await mast.burned(camera)
    mark = mast.mark()
    await begin()
    if then is not None:
        await then()
    reason = await mast.blind(camera, mark, reasons)
    staying = mast.mark()
    if stays:
        await asyncio.sleep(1.5)
        told = mast.told(camera, mark)
        assert "restored" not in mast.told(camera, staying), f"back while the fault lasts ({reason}): {told}"
    await end()
    await mast.burned(camera)
    return reason
