import pytest

from agent.errors import OrderRefused
from agent.ptz.orders import MOST_BYTES, Absolute, Area, Stop, Velocity, parse


def test_the_contract_s_own_example() -> None:
    found = parse(b'{"order":"velocity","pan":0.2,"tilt":0,"zoom":0}')
    assert isinstance(found, Velocity)
    assert (found.pan, found.tilt, found.zoom) == (0.2, 0, 0)


def test_every_order_by_its_name() -> None:
    for raw in (
        b'{"order":"absolute","pan_deg":10,"tilt_deg":-5,"zoom":0.5}',
        b'{"order":"relative","pan_deg":-10}',
        b'{"order":"stop"}',
        b'{"order":"home"}',
        b'{"order":"presets"}',
        b'{"order":"preset_goto","preset":"march\xc3\xa9"}',
        b'{"order":"preset_set","preset":"1"}',
        b'{"order":"area","x":0.1,"y":0.2,"width":0.3,"height":0.4}',
        b'{"order":"patrol_start"}',
        b'{"order":"patrol_start","patrol":"nuit"}',
        b'{"order":"patrol_stop","id":7}',
    ):
        assert parse(raw).order in raw.decode()
    assert isinstance(parse(b'{"order":"stop"}'), Stop)
    assert isinstance(parse(b'{"order":"area","x":0,"y":0,"width":1,"height":1}'), Area)


@pytest.mark.parametrize(
    ("raw", "mend"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 3000, "JSON"),
        (b'{"order":"velocity","pan":0.1,"pan":0.2}', "twice"),
        (b"[]", "order"),
        (b'"stop"', "order"),
        (b"{}", "velocity"),
        (b'{"order":7}', "velocity"),
        (b'{"order":"fly"}', "velocity"),
        (b'{"order":"velocity","pan":1.5}', "pan: must be <= 1"),
        (b'{"order":"velocity","pan":"0.5"}', "number"),
        (b'{"order":"velocity","pan":true}', "number"),
        (b'{"order":"velocity","pan":NaN}', "finite"),
        (b'{"order":"velocity","pan":Infinity}', "finite"),
        (b'{"order":"velocity","pam":0.1}', "pam: is not a known key"),
        (b'{"order":"absolute"}', "give pan_deg"),
        (b'{"order":"absolute","zoom":1.5}', "zoom: must be <= 1"),
        (b'{"order":"absolute","pan_deg":1e9}', "pan_deg"),
        (b'{"order":"preset_goto"}', "preset: is missing"),
        (b'{"order":"preset_goto","preset":""}', "preset"),
        (b'{"order":"preset_goto","preset":"a\\u0000b"}', "control"),
        (b'{"order":"area","x":0.9,"y":0,"width":0.2,"height":0.1}', "beyond"),
        (b'{"order":"area","x":0,"y":0,"width":0,"height":0.1}', "width"),
        (b'{"order":"stop","id":-1}', "id"),
        (b'{"order":"stop"}' + b" " * MOST_BYTES, "4 KiB"),
    ],
)
def test_what_is_malformed_is_refused_with_its_mend(raw: bytes, mend: str) -> None:
    with pytest.raises(OrderRefused) as found:
        parse(raw)
    assert found.value.status == 400
    assert mend in str(found.value)


def test_a_whole_number_is_a_number() -> None:
    found = parse(b'{"order":"absolute","pan_deg":10}')
    assert isinstance(found, Absolute)
    assert found.pan_deg == 10.0
