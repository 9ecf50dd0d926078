"""The ONVIF device's answers: tokens, ranges, spaces and presets that are refused as real devices refuse them."""

from datetime import UTC, datetime

import pytest

from agent.virtual.head import Head, Limits
from agent.virtual.onvif_answers import DEGREES, MOST_PRESETS, Ranges, SpaceChoice
from agent.virtual.onvif_device import Device, DeviceOptions
from agent.virtual.soap import SoapFault, envelope, parse

NOW = datetime(2026, 11, 22, 20, 0, 7, tzinfo=UTC)
PROFILE = "<tptz:ProfileToken>profile_1</tptz:ProfileToken>"


def device(spaces: SpaceChoice = "generic") -> Device:
    return Device(Head(Limits(), 0.0), DeviceOptions("vigie", "secret", ranges=Ranges(spaces=spaces)))


def ask(one: Device, content: str, now_s: float = 0.0) -> str:
    return one.answer(parse(envelope(content)), now_s, NOW)


def absolute(x: str, y: str, space: str = "") -> str:
    told = f' space="{space}"' if space else ""
    position = f'<tptz:Position><tt:PanTilt x="{x}" y="{y}"{told}/></tptz:Position>'
    return f"<tptz:AbsoluteMove>{PROFILE}{position}</tptz:AbsoluteMove>"


def test_generic_numbers_are_shares_of_the_range() -> None:
    one = device()
    ask(one, absolute("-0.5", "0.1"))
    shown = one.head.shown(9.0)
    assert (shown.pan_deg, shown.tilt_deg) == pytest.approx((-90, 9))


@pytest.mark.parametrize("spaces", ["degrees", "both"])
def test_degrees_are_degrees_where_the_space_is_offered(spaces: SpaceChoice) -> None:
    one = device(spaces)
    ask(one, absolute("-37.5", "12", DEGREES))
    assert (one.head.shown(9.0).pan_deg, one.head.shown(9.0).tilt_deg) == pytest.approx((-37.5, 12))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (absolute("-1.5", "0"), "ter:InvalidPosition"),
        (absolute("nan", "0"), "ter:InvalidPosition"),
        (absolute("far", "0"), "ter:InvalidPosition"),
        (absolute("10", "0", DEGREES), "ter:SpaceNotSupported"),
        (absolute("0", "0").replace("profile_1", "profile_9"), "ter:NoProfile"),
        (f"<tptz:GotoPreset>{PROFILE}<tptz:PresetToken>7</tptz:PresetToken></tptz:GotoPreset>", "ter:NoToken"),
        (f"<tptz:RemovePreset>{PROFILE}</tptz:RemovePreset>", "ter:NoToken"),
        (f"<tptz:ContinuousMove>{PROFILE}</tptz:ContinuousMove>", "ter:InvalidVelocity"),
        ("<tptz:GetNode><tptz:NodeToken>other</tptz:NodeToken></tptz:GetNode>", "ter:NoEntity"),
        ("<tptz:SendAuxiliaryCommand/>", "ter:ActionNotSupported"),
        ("<tds:Stop/>", "ter:ActionNotSupported"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_moves(content: str, code: str) -> None:
    one = device()
    with pytest.raises(SoapFault) as refused:
        ask(one, content)
    assert code in refused.value.codes
    assert one.head.shown(2.0).pan_deg == 0


def test_a_head_remembers_no_more_presets_than_it_says() -> None:
    one = device()
    for _ in range(MOST_PRESETS):
        ask(one, f"<tptz:SetPreset>{PROFILE}</tptz:SetPreset>")
    with pytest.raises(SoapFault, match="too many"):
        ask(one, f"<tptz:SetPreset>{PROFILE}</tptz:SetPreset>")
    ask(one, f"<tptz:RemovePreset>{PROFILE}<tptz:PresetToken>1</tptz:PresetToken></tptz:RemovePreset>")
    assert "<tptz:PresetToken>65<" in ask(one, f"<tptz:SetPreset>{PROFILE}</tptz:SetPreset>")


def test_stop_stops_only_what_it_names() -> None:
    one = device()
    velocity = '<tptz:Velocity><tt:PanTilt x="0.1" y="0"/><tt:Zoom x="0.2"/></tptz:Velocity>'
    ask(one, f"<tptz:ContinuousMove>{PROFILE}{velocity}</tptz:ContinuousMove>")
    ask(one, f"<tptz:Stop>{PROFILE}<tptz:PanTilt>true</tptz:PanTilt><tptz:Zoom>false</tptz:Zoom></tptz:Stop>", 1.0)
    shown = one.head.shown(2.0)
    assert (shown.turning, shown.zooming) == (False, True)
