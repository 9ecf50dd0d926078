"""Home Assistant's MQTT device discovery: one retained message that describes the mast and its cameras.

Format: https://www.home-assistant.io/integrations/mqtt/ ("Device discovery payload"): `dev` is the device, `o` the
origin, `cmps` the components, each with its platform `p` and a `unique_id`. Decides; touches nothing.
"""

from agent.facts import CameraFacts
from agent.telemetry.payloads import Json
from agent.telemetry.topics import Topics

STALE_S = 60
"""Six messages missed: Home Assistant then shows the value as unavailable."""


def _sensor(name: str, template: str, **more: object) -> dict[str, object]:
    return {"p": "sensor", "name": name, "value_template": f"{{{{ {template} }}}}", "expire_after": STALE_S, **more}


def _alarm(name: str, template: str, **more: object) -> dict[str, object]:
    told = f"{{{{ 'ON' if {template} else 'OFF' }}}}"
    return {"p": "binary_sensor", "name": name, "value_template": told, "expire_after": STALE_S, **more}


def _of_mast(topics: Topics) -> dict[str, dict[str, object]]:
    diagnostic = {"entity_category": "diagnostic", "state_class": "measurement"}
    parts = {
        "problem": _alarm("Problem", "value_json.worst in ('error', 'warning')", device_class="problem"),
        "temperature": _sensor(
            "Temperature",
            "value_json.temperature_c",
            device_class="temperature",
            unit_of_measurement="°C",
            **diagnostic,
        ),
        "throttled": _alarm(
            "Throttled",
            "value_json.throttling and value_json.throttling.active",
            device_class="problem",
            entity_category="diagnostic",
        ),
        "cpu": _sensor("CPU", "value_json.cpu_percent", unit_of_measurement="%", **diagnostic),
        "memory": _sensor("Memory", "value_json.memory.used_percent", unit_of_measurement="%", **diagnostic),
        "disk_free": _sensor(
            "Disk free", "value_json.disk_free_bytes", device_class="data_size", unit_of_measurement="B", **diagnostic
        ),
        "buffer": _sensor(
            "Buffer", "value_json.buffer_hours", device_class="duration", unit_of_measurement="h", **diagnostic
        ),
    }
    return {key: {"state_topic": topics.health, **part} for key, part in parts.items()}


def _of_camera(topics: Topics, camera: CameraFacts) -> dict[str, dict[str, object]]:
    name = camera.name
    parts = {
        "capture": _alarm(f"{name}: picture", "value_json.capture == 'live'", device_class="connectivity"),
        "blind": _alarm(f"{name}: whole picture masked", "value_json.masks == 'blind'", device_class="problem"),
        "tamper": _alarm(f"{name}: tamper", "value_json.tamper", device_class="tamper"),
        "recording": _alarm(f"{name}: recording", "value_json.recording", device_class="running"),
        "fps": _sensor(f"{name}: frame rate", "value_json.fps", unit_of_measurement="fps", state_class="measurement"),
        "bitrate": _sensor(
            f"{name}: bit rate",
            "value_json.bitrate",
            device_class="data_rate",
            unit_of_measurement="kbit/s",
            state_class="measurement",
        ),
        "viewers": _sensor(f"{name}: viewers", "value_json.viewers", state_class="measurement"),
    }
    return {f"{camera.id}_{key}": {"state_topic": topics.camera_state(camera.id), **one} for key, one in parts.items()}


def discovery(topics: Topics, site: str, version: str, cameras: tuple[CameraFacts, ...]) -> Json:
    """The discovery message's content; every entity is unavailable while the mast is offline."""
    device = f"vigie_{topics.town}_{topics.mast}"
    components = _of_mast(topics)
    for camera in cameras:
        components |= _of_camera(topics, camera)
    return {
        "dev": {
            "ids": [device],
            "name": f"Vigie {topics.mast}",
            "mf": "Vigie",
            "mdl": "Mast",
            "sw": version,
            **({"sa": site} if site else {}),
        },
        "o": {"name": "Vigie", "sw": version},
        "cmps": {key: {**part, "unique_id": f"{device}_{key}"} for key, part in components.items()},
        "availability_topic": topics.status,
        "availability_template": "{{ value_json.state }}",
        "payload_available": "online",
        "payload_not_available": "offline",
        "qos": 1,
    }
