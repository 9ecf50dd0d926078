"""The box is read from sysfs as boards lay it out; what is missing or nonsense is None, never a failure."""

from pathlib import Path

from agent.telemetry.machine import JETSON_EVENTS, PI_THROTTLED, Machine, temperature_c


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _zone(root: Path, number: int, kind: str, temperature: str) -> None:
    folder = root / f"sys/class/thermal/thermal_zone{number}"
    _write(folder / "type", kind + "\n")
    _write(folder / "temp", temperature + "\n")


def test_this_machine_can_be_read() -> None:
    facts = Machine().read()
    assert facts.memory_total_bytes is not None
    assert facts.memory_total_bytes > (facts.memory_available_bytes or 0) > 0
    assert facts.agent_resident_bytes is not None
    assert facts.cpu_percent is not None


def test_a_machine_without_sensors_says_nothing(tmp_path: Path) -> None:
    facts = Machine(tmp_path).read()
    assert facts.temperature_c is None
    assert facts.throttling is None


def test_the_processor_counts_not_the_hotter_modem(tmp_path: Path) -> None:
    _zone(tmp_path, 0, "cpu-thermal", "48312")
    _zone(tmp_path, 1, "modem", "91000")
    assert temperature_c(tmp_path) == 48.312


def test_a_sensor_that_reports_nonsense_is_left_out(tmp_path: Path) -> None:
    _zone(tmp_path, 0, "CPU-therm", "-256000")
    _zone(tmp_path, 1, "SOC0-therm", "banana")
    assert temperature_c(tmp_path) is None
    _zone(tmp_path, 2, "board", "40000")
    assert temperature_c(tmp_path) == 40.0


def test_a_raspberry_pi_on_a_weak_supply(tmp_path: Path) -> None:
    _write(tmp_path / PI_THROTTLED, "50005\n")
    throttling = Machine(tmp_path).read().throttling
    assert throttling is not None
    assert throttling.now == ("under-voltage", "throttled")
    assert throttling.since_boot == ("under-voltage", "throttled")


def test_a_raspberry_pi_that_is_well(tmp_path: Path) -> None:
    _write(tmp_path / PI_THROTTLED, "0\n")
    throttling = Machine(tmp_path).read().throttling
    assert throttling is not None
    assert not throttling.now
    assert not throttling.since_boot


def test_a_jetson_alarm_is_active_only_while_its_count_grows(tmp_path: Path) -> None:
    counter = tmp_path / JETSON_EVENTS.replace("*", "1")
    _write(counter, "4\n")
    machine = Machine(tmp_path)
    seen = [machine.read().throttling]
    counter.write_text("5\n")
    seen += [machine.read().throttling, machine.read().throttling]
    assert [one and one.now for one in seen] == [(), ("over-current",), ()]
    assert all(one and one.since_boot == ("over-current",) for one in seen)
