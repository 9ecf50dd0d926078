"""A mast with heads that really turn, and a witness beside each camera, by which its sealed pictures are judged.

    async with Mast(folder, {"tete": Setup(lost=0.1)}) as mast:
        await mast.burned("tete")                       # the agent runs and its masks are burned
        mark = mast.mark()
        await mast.heads["tete"].lies(frozen=True)
        reason = await mast.blind("tete", since=mark)
    verdict = mast.verdict("tete")                      # after the agent has stopped

What the agent says is read from its journal.
"""

import asyncio
import re
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.virtual.demo_mast import table_of
from agent.virtual.ptz_camera import Setup, VirtualPtz, virtual_ptz
from tests.e2e.box import ROOT, vigie
from tests.e2e.pointing import Placed, pointing
from tests.e2e.verdict import Verdict, controls, judge
from tests.e2e.witness import Witness
from tests.rig.child import reap
from tests.rig.drawings import drawings

PATIENCE_S = 40.0


class Mast:
    """Virtual heads, one agent that guards them all, and a witness beside each."""

    def __init__(
        self,
        folder: Path,
        setups: dict[str, Setup],
        lenses: dict[str, tuple[Any, Any]] | None = None,
        ptz: dict[str, object] | None = None,
    ) -> None:
        """`lenses`: by head, instead of its own. `ptz`: keys of `[camera.ptz]`, for all of them."""
        self.folder, self._setups, self._lenses, self._ptz = folder, setups, lenses or {}, ptz or {}
        self.heads: dict[str, VirtualPtz] = {}
        self.witnesses: dict[str, Witness] = {}
        self._stack = AsyncExitStack()
        self._agent: asyncio.subprocess.Process | None = None
        self._log = folder / "log"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            for name, setup in self._setups.items():
                self.heads[name] = await starting.enter_async_context(virtual_ptz(drawings(), setup))
                witness = self.witnesses[name] = Witness(self.heads[name].rtsp_url)
                starting.push_async_callback(asyncio.to_thread, witness.stop)
            self._configure()
            self._log.touch()
            await self.start()
            self._stack = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._stack:
            try:
                if self._agent is not None and self._agent.returncode is None:
                    await self.stop()
            finally:
                await self.kill()
            for name, witness in self.witnesses.items():
                await asyncio.to_thread(witness.stop)
                await self.heads[name].refresh()

    # --- the agent ---

    async def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "agent", "run", "--config", str(self.folder / "vigie.toml")]
            self._agent = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=ROOT)

    async def stop(self) -> None:
        """A clean end: every segment is sealed."""
        assert self._agent is not None
        self._agent.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            status = await self._agent.wait()
        assert status == 0, self._log.read_text()[-2000:]

    async def kill(self) -> None:
        """A power cut; nothing where it has ended."""
        if self._agent is not None:
            await reap(self._agent)

    def mark(self) -> int:
        """This place in the journal."""
        return self._log.stat().st_size

    def told(self, camera: str, since: int = 0) -> list[str]:
        """What the agent told of the masks since a mark: `restored` or the reason for which it is blind."""
        with self._log.open("rb") as log:
            log.seek(since)
            text = log.read().decode("utf-8", "replace")
        found = re.findall(rf"Masks(Blind|Restored)\(camera='{camera}'(?:, reason='([^']*)')?", text)
        return [reason if kind == "Blind" else "restored" for kind, reason in found]

    async def burned(self, camera: str, since: int = 0) -> None:
        """Waits until the masks are burned, as told since a mark."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self.told(camera, since)[-1:] == ["restored"]:
                    return
                await asyncio.sleep(0.1)

    async def tells(self, words: str) -> None:
        """Waits until the agent's journal has these words."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if words in self._log.read_text("utf-8", "replace"):
                    return
                await asyncio.sleep(0.1)

    async def blind(self, camera: str, since: int, reasons: frozenset[str]) -> str:
        """Waits until it is blind for one of `reasons`; which."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [one for one in self.told(camera, since) if one in reasons]
                if found:
                    return found[-1]
                await asyncio.sleep(0.1)

    def _configure(self) -> None:
        tables = [
            camera_table(name, ptz, self.folder, self._lenses.get(name), self._ptz)
            if ptz.setup.kind == "ptz"
            else table_of(name, name, ptz)
            for name, ptz in self.heads.items()
        ]
        configuration(self.folder, "".join(tables))

    # --- the verdict ---

    def verdict(self, camera: str) -> Verdict:
        """Of every sealed picture; once the agent has stopped."""
        return judge(self.folder, camera, self.heads[camera], self.witnesses[camera])

    def pointing(self, camera: str, verdict: Verdict) -> Placed:
        """What the index keeps of where the head pointed, laid against the truth of the pictures judged."""
        return pointing(self.folder, camera, self.heads[camera], verdict.strips)

    def controls(self, camera: str) -> tuple[list[bool], list[bool]]:
        """(unmasked, lagging): whether the judge sees such pictures leak."""
        return controls(self.heads[camera], self.witnesses[camera])


def configuration(folder: Path, cameras: str, port: int = 0) -> Path:
    """A mast with these cameras' tables."""
    assert vigie("keys", "init", "--out", str(folder / "keys"), module="provisioning.cli").returncode == 0
    path = folder / "vigie.toml"
    path.write_text(
        f"""
[mast]
id = "mat-1"
town = "essai"
state = "state"
[vault]
recipients = ["{(folder / "keys" / "vault.pub").read_text().strip()}"]
retention_days = 1
max_gib = 1
segment_seconds = 4
[access]
authorities = ["keys/authority.pub"]
[http]
listen = "127.0.0.1:{port}"
{cameras}"""
    )
    return path


def camera_table(
    name: str,
    ptz: VirtualPtz,
    folder: Path,
    lens: tuple[Any, Any] | None = None,
    keys: dict[str, object] | None = None,
) -> str:
    """One head's tables, as a technician would write them; `keys`: of `[camera.ptz]`."""
    (folder / f"{name}.pass").write_text(ptz.password + "\n")
    zoom, hfov_deg = lens or (ptz.lens.zoom, ptz.lens.hfov_deg)
    text = f"""
[[camera]]
id = "{name}"
name = "{name}"
kind = "ptz"
source = "{ptz.rtsp_url}"
bitrate_kbps = 4000
[camera.onvif]
url = "{ptz.onvif_url}"
username = "{ptz.username}"
password_file = "{name}.pass"
[camera.lens]
zoom = {list(zoom)}
hfov_deg = {list(hfov_deg)}
[camera.ptz]
"""
    text += "".join(f"{key} = {value}\n" for key, value in (keys or {}).items())
    for place in ptz.masks:
        corners = [list(corner) for corner in place.world_deg]
        text += f'[[camera.mask]]\nname = "{place.name}"\nworld_deg = {corners}\nstyle = "{place.style}"\n'
    return text
