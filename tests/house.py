"""The plan of the house, as values: who stands on which floor, what decides, which file may touch which library.

`test_architecture.py` asserts that the code keeps it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

FLOORS = (
    ("agent.__main__",),
    ("agent.cli",),
    ("agent.mast", "agent.approving", "agent.exporting", "agent.virtual"),
    ("agent.rooms",),
    ("agent.camera", "agent.answering", "agent.alone"),
    ("agent.lines",),
    ("agent.evidence",),
    (
        *("agent.live", "agent.telemetry", "agent.vault", "agent.capture", "agent.encoding", "agent.ptz"),
        *("agent.aim", "agent.control", "agent.reporting", "agent.timestamping"),
    ),
    ("agent.registrar",),
    ("agent.acts", "agent.witness_link"),
    ("agent.masking", "agent.access", "agent.register", "agent.signing", "agent.systemd"),
)
"""From the roof down: a room imports from floors below its own. What stands on none of these is the ground floor."""
GROUND = len(FLOORS)

DECIDING = (
    *("access.basis", "access.claims", "access.demands", "access.grants", "access.jws", "paris"),
    *("access.requisitions", "access.strict", "verifier_keys"),
    *("addresses", "polygons", "models", "faults", "events", "facts", "lateness"),
    *("aim.edges", "aim.gathering", "aim.lens", "aim.match", "aim.references", "aim.watch"),
    *("capture.pace", "capture.timeline", "live.playout", "live.sdp", "live.views", "units"),
    *("masking.masker", "masking.mosaic", "masking.planes", "masking.policy", "masking.strip"),
    *("masking.anchored", "masking.cover", "masking.following", "masking.lens", "masking.panorama", "masking.sphere"),
    *("evidence.gaps", "evidence.gathering", "evidence.leaflet", "evidence.manifest", "evidence.names"),
    *("evidence.packing", "evidence.proofs", "evidence.zip_layout"),
    *(
        "directions",
        "lenses",
        "world_polygons",
        "ptz.agreement",
        "ptz.area",
        "ptz.belief",
        "ptz.evidence",
        "ptz.lease",
        "ptz.motion",
        "ptz.pace",
        "ptz.reference",
        "ptz.repeats",
    ),
    *("ptz.metadata", "ptz.optics", "ptz.orders", "ptz.path", "ptz.pilot", "ptz.rtsp", "ptz.sources", "ptz.status"),
    "ptz.track",
    *("register.bodies", "register.canonical", "register.entries", "register.findings", "register.notes"),
    *("register.tree", "register.values"),
    *("reporting.acts", "reporting.content", "reporting.figures", "reporting.footage", "reporting.french"),
    "reporting.layout",
    *("signing.alignment", "signing.certificates", "signing.chain", "signing.check", "signing.document", "signing.nal"),
    *("signing.signer", "signing.verdict"),
    *("telemetry.dialling", "telemetry.discovery", "telemetry.issues", "telemetry.news", "telemetry.payloads"),
    *("telemetry.topics", "telemetry.values", "timestamping.stamps"),
    *("vault.chunks", "vault.cutting", "vault.names", "vault.ring", "vault.rotation", "vault.rows"),
    *("provisioning.evidence_checks", "provisioning.evidence_pictures", "provisioning.evidence_provenance"),
    *("provisioning.evidence_stamp", "provisioning.evidence_verdict"),
    *("provisioning.ages", "provisioning.lens_file", "provisioning.lens_fit"),
    *("provisioning.readings", "provisioning.votes"),
)
"""Modules that decide: values and `now` in, values out."""
WORLD = frozenset({"asyncio", "ctypes", "fcntl", "io", "multiprocessing", "os", "pathlib", "select", "selectors"}) | {
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time"),
}
ASKS_THE_CLOCK_OR_A_FILE = frozenset({"open", "input", "print"})
ASKS_THE_CLOCK = frozenset({"now", "utcnow", "today"})

FOREIGN: dict[str, tuple[str, ...]] = {
    "aiohttp": (
        "agent/live/application.py",
        "agent/live/http.py",
        "agent/live/refusals.py",
        "agent/timestamping/service.py",
        "agent/live/requisitions.py",
        "agent/witness_link.py",
        "agent/virtual/demo_agent.py",
        "agent/virtual/onvif_server.py",
        "provisioning/witness.py",
    ),
    "aiomqtt": ("agent/telemetry/link.py",),
    "aiortc": ("agent/live/webrtc.py",),
    "amqtt": ("agent/virtual/broker.py",),
    "av": (
        "agent/capture/av_source.py",
        "agent/encoding/encoder.py",
        "agent/vault/muxer.py",
        "agent/live/webrtc.py",
        "provisioning/joining.py",
        "agent/virtual/video.py",
        "agent/signing/footage.py",
    ),
    "cv2": (
        "agent/masking/",
        "agent/aim/edges.py",
        "agent/aim/match.py",
        "agent/encoding/scale.py",
        "agent/ptz/agreement.py",
        "agent/ptz/motion.py",
        "agent/ptz/reference.py",
        "agent/ptz/repeats.py",
        "agent/virtual/",
    ),
    "fpdf": ("agent/reporting/document.py",),
    "lxml": ("agent/ptz/status.py",),
    "jwt": ("agent/access/grants.py",),
    "paho": ("agent/telemetry/link.py",),
    "prometheus_client": ("agent/live/metrics.py",),
    "psutil": ("agent/telemetry/machine.py", "agent/virtual/demo_agent.py"),
    "pyrage": (
        "agent/recipients.py",
        "agent/vault/sealing.py",
        "provisioning/evidence_opening.py",
        "provisioning/keys.py",
        "provisioning/shares.py",
    ),
    "onvif": ("agent/ptz/soap.py",),
    "rfc3161_client": ("agent/timestamping/stamps.py",),
    "sqlite3": ("agent/vault/index.py", "agent/vault/schema.py"),
    "zeep": ("agent/ptz/soap.py",),
    # values and arithmetic, at home everywhere
    "cryptography": ("",),
    "numpy": ("",),
    "pydantic": ("",),
    "pydantic_core": ("",),
}
"""Which files may touch a library; a folder ends in a slash. Whatever is not listed may be imported nowhere."""

OWNED_BY_HAND = {
    "agent/telemetry/link.py": "the connecting must outlive a cancellation until paho's own thread has ended",
    "agent/telemetry/telemetry.py": "before Python 3.13 a TaskGroup forgets a stop that comes together with a loss",
}
"""Files that await and cancel their tasks themselves, and why no TaskGroup serves there."""

PLAIN_PIXELS = (
    "agent/units.py",
    "agent/queues.py",
    "agent/camera.py",
    "agent/lines.py",
    "agent/capture/",
    "agent/masking/",
    "provisioning/eye.py",  # looks and tells shifts; it stores, shows and sends no picture
)

MEASURES_LENSES = {
    "provisioning/ages.py": ("agent.ptz.evidence",),
    "provisioning/calibrate.py": ("agent.ptz", "agent.capture"),
    "provisioning/eye.py": ("agent.ptz", "agent.capture"),
    "provisioning/sent_head.py": ("agent.ptz",),
    "provisioning/sweeping.py": ("agent.ptz",),
}
"""The calibration helper works beside the camera: it alone in provisioning turns heads and sees pictures."""


def sources(*folders: str) -> list[Path]:
    """Every Python file below `folders`."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


PRODUCT = sources("agent", "provisioning")
PARSED = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in PRODUCT}


OURS = {node.name for node in PARSED["agent/errors.py"].body if isinstance(node, ast.ClassDef)}


def dotted(file: str) -> str:
    """`agent/vault/__init__.py` -> `agent.vault`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of each import; name is empty where a whole module is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


def targets(tree: ast.AST) -> set[str]:
    """The modules of this project that are imported, `from agent import config` as `agent.config`."""
    known = {dotted(file) for file in PARSED}
    found = set()
    for module, name in imports(tree):
        whole = f"{module}.{name}" if f"{module}.{name}" in known else module
        if whole.partition(".")[0] in ("agent", "provisioning", "tests"):
            found.add(whole)
    return found


def floor(module: str) -> tuple[int, str]:
    """(how far down it stands, its room)."""
    for level, rooms in enumerate(FLOORS):
        for room in rooms:
            if module == room or module.startswith(f"{room}."):
                return level, room
    return GROUND, "ground"
