"""What the tests of evidence stand on: a mast that has recorded real pictures, its register, its judicial authority."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.demands import DAY_MS, Export, Hold, Recipient, Requester, Requisition, write
from agent.access.keys import save_public
from agent.access.requisitions import fingerprint, sign, unsigned
from agent.errors import RegisterError
from agent.evidence.binding import Mast
from agent.evidence.copying import copy_pack
from agent.evidence.desk import Answer, Desk
from agent.evidence.packing import About, CameraName
from agent.evidence.shelf import Pack
from agent.identity import load_or_make
from agent.register.bodies import AgentStarted, Entered
from agent.register.ledger import Ledger
from agent.signing.signer import Signer
from agent.units import AccessUnit
from agent.vault import Vault
from tests.signing.material import made_key
from tests.vault.rig import Bench, Events, Feed, HandClock, Keys, Scene, film

TOWN, MAST = "lievin", "lievin-042"
PROSECUTOR = Ed25519PrivateKey.from_private_bytes(b"public prosecutor".ljust(32, b"."))
JUDGE = Ed25519PrivateKey.from_private_bytes(b"examining judge".ljust(32, b"."))
ID = "7b0f6c1e-92a4-4c53-8a0e-3d4f8f1f2a55"
OTHER_ID = "00000000-0000-4000-8000-000000000000"
SMALL = Scene("still", width=64, height=48, kbps=50)


class Book(Ledger):
    """The ledger; it can be told to refuse."""

    broken = False

    def enter(self, body: Entered) -> int:
        if self.broken:
            raise RegisterError("the register's disk is gone")
        return super().enter(body)


@dataclass
class House:
    """A mast with a vault, a register and a desk; the town's keys beside it."""

    folder: Path
    cameras: Sequence[str] = ("lane",)
    threshold: int = 1
    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        self.keys = Keys(self.folder)
        self.events = Events()
        self.bench = Bench(self.folder / "state", self.keys, self.clock, self.events)
        self.identity = load_or_make(self.bench.state)
        self.began_ms = self.clock.wall_ms
        self.judicial = self.folder / "judicial.pub"
        save_public(self.judicial, PROSECUTOR.public_key())
        self.device = self.folder / "device.pub"
        self.device.write_text(self.identity.public_pem)

    def record(
        self,
        seconds: int = 8,
        scene: Scene = SMALL,
        camera: str = "lane",
        sign: Callable[[AccessUnit], AccessUnit] = lambda unit: unit,
        *,
        at_once: bool = False,
    ) -> None:
        """So much of a camera, in segments of two seconds; time passes. `sign`: what each picture goes through.

        `at_once`: time passes afterwards only, so that no picture waits in the sealer and no chunk is filled for it.
        """
        vault = self.bench.vault()
        vault.open()
        feed = Feed()
        vault.record(camera, feed, 1000)
        units = [sign(unit) for unit in film(scene, seconds * scene.fps, self.clock, camera=camera)]
        if not at_once:
            self.clock.pass_ms(seconds * 1000)
        feed.put(units)
        vault.close()
        if at_once:
            self.clock.pass_ms(seconds * 1000)

    def signer(self, camera: str = "lane") -> Signer:
        """What signs the pictures of a camera, from one start of the agent on."""
        return Signer(made_key(self.identity), f"{MAST}/{camera}/main")

    def open(self) -> None:
        """The agent runs: register and vault are open, what was recorded is entered."""
        self.book = Book(self.bench.state, self.identity, self.clock, town=TOWN, mast=MAST)
        self.book.open()
        self.book.enter(AgentStarted(version="2.0.0", configuration_sha256="ab" * 32))
        self.vault: Vault = Vault(
            self.bench.state,
            self.bench.vault()._settings,
            self.clock,
            self.identity,
            self.events,
            None,
            self.book,
        )
        self.vault.open()
        self.vault.enter_sealed()
        self.desk = Desk(mast_of(self), lambda: self.vault, self.book, self.clock)

    def close(self) -> None:
        """The agent stops."""
        self.vault.close()
        self.book.close()

    def requisition(self, **changes: Any) -> Requisition:
        """An honest one for all that was recorded."""
        demand = Export(
            tuple(self.cameras), self.began_ms, self.clock.wall_ms, Recipient("Lt Leroy", "Commissariat de Lens")
        )
        asked = Requisition(
            id=ID,
            reference="PV 2026/004211",
            basis="cpp-77-1-1",
            requester=Requester("Zoé Durand", "OPJ", "Commissariat de Lens"),
            masts=(MAST,),
            reason="Vol avec violences",
            issued_ms=self.clock.wall_ms,
            expires_ms=self.clock.wall_ms + 7 * DAY_MS,
            demand=demand,
        )
        return replace(asked, **changes)

    def document(self, *signers: Ed25519PrivateKey, **changes: Any) -> bytes:
        """It, signed by the prosecutor where nobody else is named."""
        return signed(self.requisition(**changes), *(signers or (PROSECUTOR,)))

    def export(self, to: Path, **changes: Any) -> Path:
        """A whole pack as a folder below `to`."""
        return copy_pack(self.pack(self.desk.answer(self.document(**changes))), to)

    def pack(self, answer: Answer) -> Pack:
        """What waits."""
        found = self.desk.pack(answer.id)
        assert found is not None
        return found

    def kinds(self) -> list[str]:
        """What was entered, in order."""
        return [entry.kind for entry in self.book.entries()]


def mast_of(house: House) -> Mast:
    """Who answers there."""
    about = About(
        TOWN,
        MAST,
        "Parvis",
        "2.0.0",
        "ab" * 32,
        fingerprint(house.identity.key.public_key()),
        {camera: CameraName(f"Caméra {camera}", "fixed") for camera in house.cameras},
    )
    return Mast(about, house.identity, [PROSECUTOR.public_key(), JUDGE.public_key()], house.threshold)


def signed(asked: Requisition, *keys: Ed25519PrivateKey) -> bytes:
    """The document that says it."""
    document = unsigned(write(asked))
    for key in keys:
        document = sign(document, key)
    return document


def hold_demand(house: House, until_ms: int, cameras: Sequence[str] = ("lane",)) -> Hold:
    """Keep all that was recorded."""
    return Hold(tuple(cameras), house.began_ms, house.clock.wall_ms, until_ms)
