"""The demo's mast as a technician would write it down: three cameras on one street, and the configuration file.

    async with AsyncExitStack() as stack:
        cameras = {name: await stack.enter_async_context(virtual_ptz(folder, setup)) for name, setup in SETUPS.items()}
        text = configuration(cameras, recipient, http_port, mqtt_port)

Sizes and rates are a little above what the law asks of each view, so that two cores carry cameras, agent and browser.
"""

from collections.abc import Mapping

from agent.polygons import polygon_fault
from agent.virtual.ptz_camera import Setup, VirtualPtz, picture_polygon
from agent.virtual.world import PRIVATE, Point, PrivatePlace

MAST = "demo-001"
FIXED, DOME, FISHEYE = "rue-fixe", "rue-dome", "rue-fisheye"
NAMES = {FIXED: "Rue, fixe", DOME: "Rue, dôme", FISHEYE: "Rue, fisheye"}
SETUPS = {
    FIXED: Setup(kind="fixed", fps=14, bitrate_kbps=1500, start=(-22.0, 0.0, 0.0), seed=1),
    DOME: Setup(kind="ptz", fps=15, bitrate_kbps=1500, start=(0.0, 0.0, 0.0), seed=2),
    FISHEYE: Setup(kind="fisheye", width=480, height=480, fps=7, bitrate_kbps=800, seed=3),
}
PASSWORD_FILE = "dome.pass"  # noqa: S105  a file's name
PATROL = ((-25.0, 2.0, 0.0), (51.0, -6.0, 0.3), (120.0, -8.0, 0.2), (-150.0, 4.0, 0.0))
"""(pan, tilt, zoom) of its stops: each shows a private place."""


def fixed_masks(setup: Setup) -> list[tuple[PrivatePlace, tuple[Point, ...]]]:
    """Each private place that a camera which stands still sees, with its polygon in picture fractions."""
    view = setup.start_view()
    seen = ((place, picture_polygon(place, view, setup.width, setup.height)) for place in PRIVATE)
    return [(place, polygon) for place, polygon in seen if polygon and not polygon_fault(polygon)]


def configuration(cameras: Mapping[str, VirtualPtz], recipient: str, http_port: int, mqtt_port: int) -> str:
    """The TOML text."""
    return f"""[mast]
id = "{MAST}"
town = "demo"
site = "Rue virtuelle"
state = "mast"

[vault]
recipients = ["{recipient}"]
retention_days = 1
max_gib = 1
segment_seconds = 6

[access]
authorities = ["keys/authority.pub"]
requisition_authorities = ["keys/judicial.pub"]

[http]
listen = "127.0.0.1:{http_port}"

[mqtt]
url = "mqtt://127.0.0.1:{mqtt_port}"
""" + "".join(table_of(name, NAMES[name], camera) for name, camera in cameras.items())


def table_of(name: str, label: str, camera: VirtualPtz) -> str:
    """`[[camera]]` with its lens and masks, for a camera of any kind."""
    setup = camera.setup
    kind = {"fixed": "fixed", "ptz": "ptz", "fisheye": "panoramic"}[setup.kind]
    view = "wide" if setup.kind == "fisheye" else "narrow"
    text = f"""
[[camera]]
id = "{name}"
name = "{label}"
kind = "{kind}"
view = "{view}"
source = "{camera.rtsp_url}"
fps = {setup.fps}
bitrate_kbps = {setup.bitrate_kbps}
"""
    return text + {"fixed": _fixed, "ptz": _dome, "fisheye": _fisheye}[setup.kind](camera)


def _fixed(camera: VirtualPtz) -> str:
    return "".join(
        f'\n[[camera.mask]]\nname = "{place.name}"\npolygon = {[list(point) for point in polygon]}\n'
        f'style = "{place.style}"\n'
        for place, polygon in fixed_masks(camera.setup)
    )


def _dome(camera: VirtualPtz) -> str:
    stops = ", ".join(f"{{ pan_deg = {pan}, tilt_deg = {tilt}, zoom = {zoom} }}" for pan, tilt, zoom in PATROL)
    return f"""
[camera.onvif]
url = "{camera.onvif_url}"
username = "{camera.username}"
password_file = "{PASSWORD_FILE}"

[camera.lens]
zoom = {list(camera.lens.zoom)}
hfov_deg = {list(camera.lens.hfov_deg)}

[[camera.ptz.patrol]]
name = "tour"
dwell_s = 6
poses = [{stops}]
{_world_masks(camera)}"""


def _fisheye(camera: VirtualPtz) -> str:
    setup = camera.setup
    pan_deg, tilt_deg, fov_deg = setup.fisheye
    return f"""
[camera.lens]
model = "fisheye"
radius = {min(setup.width, setup.height) / 2 / setup.width}
fov_deg = {fov_deg}
pan_deg = {pan_deg}
tilt_deg = {tilt_deg}
{_world_masks(camera)}"""


def _world_masks(camera: VirtualPtz) -> str:
    return "".join(
        f'\n[[camera.mask]]\nname = "{place.name}"\nworld_deg = {[list(corner) for corner in place.world_deg]}\n'
        f'style = "{place.style}"\n'
        for place in camera.masks
    )
