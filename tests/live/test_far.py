"""Viewers on another machine, or nearly: a network namespace behind a link that is slow, or that is cut."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from agent.events import UnitsDropped, ViewEnded
from tests.live.house import House, Viewer, bearer_of, house, token_for, until
from tests.live.scene import Scene
from tests.rig.child import async_child

NAME = f"vigie-{os.getpid()}"
LINK, FAR_LINK = f"vg{os.getpid() % 10_000}", f"vf{os.getpid() % 10_000}"


def run(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace that is reached over a veth pair, 10.199.77.1 here and 10.199.77.2 there."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        pytest.skip("needs root and iproute2 (apt install iproute2)")
    try:
        run(f"ip netns add {NAME}")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs leave to make a network namespace: {error.stderr!r}")
    try:
        run(f"ip link add {LINK} type veth peer name {FAR_LINK} netns {NAME}")
        run(f"ip address add 10.199.77.1/24 dev {LINK}")
        run(f"ip link set {LINK} up")
        run(f"ip -n {NAME} address add 10.199.77.2/24 dev {FAR_LINK}")
        run(f"ip -n {NAME} link set {FAR_LINK} up")
        run(f"ip -n {NAME} link set lo up")
        yield NAME
    finally:
        run(f"ip netns delete {NAME}")
        subprocess.run(["ip", "link", "delete", LINK], check=False, capture_output=True)


class Far:
    """A viewer process and what it said last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pictures = 0

    async def said(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        words: dict[str, Any] = json.loads(await self.process.stdout.readline() or "{}")
        return words

    async def listen(self) -> None:
        while words := await self.said():
            self.pictures = words.get("pictures", self.pictures)


@asynccontextmanager
async def far(it: House, token: str, *prefix: str) -> AsyncIterator[Far]:
    """A far viewer that plays; the signalling is carried by hand, since HTTP without TLS is for loopback."""
    command = [*prefix, sys.executable, "-m", "tests.live.far_viewer"]
    async with async_child(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20) as process:
        assert process.stdin is not None
        viewer = Far(process)
        headers = {**bearer_of(token), "Content-Type": "application/sdp"}
        offer = (await viewer.said())["offer"]
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{it.url}/whep/parvis", data=offer, headers=headers) as response,
        ):
            assert response.status == 201
            answer = await response.text()
        process.stdin.write(json.dumps({"answer": answer}).encode() + b"\n")
        listening = asyncio.create_task(viewer.listen())
        try:
            yield viewer
        finally:
            if process.returncode is None:
                process.kill()
            await listening


async def test_a_viewer_behind_a_slow_link_loses_pictures_and_delays_nobody(namespace: str) -> None:
    with Scene(1280, 720, bitrate_kbps=6000) as scene:
        async with house(scene) as it, far(it, token_for("parvis"), "ip", "netns", "exec", namespace) as slow:
            await until(lambda: slow.pictures > 3, 20)
            run(f"tc qdisc add dev {LINK} root tbf rate 200kbit burst 5kb limit 20mb")
            async with Viewer(it, token_for("parvis")) as near:
                await near.frames(1)
                await until(lambda: it.seen(UnitsDropped), 30)
                (view,) = (one for one in it.server._sessions._views.values() if one.number == 1)
                assert view.peer._unsent() < 2 << 20
                before = scene.number
                await near.frames(25)
                assert scene.number - before < 60
                (other,) = (one for one in it.server._sessions._views.values() if one.number == 2)
                assert other.peer.dropped == 0
            run(f"tc qdisc delete dev {LINK} root")


@pytest.mark.slow
async def test_a_viewer_whose_link_is_cut_is_noticed_without_a_goodbye(namespace: str) -> None:
    with Scene() as scene:
        async with house(scene) as it, far(it, token_for("parvis"), "ip", "netns", "exec", namespace) as viewer:
            await until(lambda: viewer.pictures > 3, 20)
            run(f"ip link set {LINK} down")
            await until(lambda: it.seen(ViewEnded), 60)
            assert scene.subscribers == 0
            assert it.server.viewers("parvis") == 0
