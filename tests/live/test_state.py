from dataclasses import replace
from pathlib import Path

from agent.clock import WallTime
from agent.config import IceServer
from agent.facts import CameraFacts, MastFacts, PtzFacts
from agent.live.state import camera_state, ice_links, ice_server, page_state
from agent.units import Blind, Burned, MaskState


def camera(masks: MaskState, name: str = "parvis") -> CameraFacts:
    return CameraFacts(
        id=name,
        name="Parvis",
        capture="live",
        capture_reason="",
        masks=masks,
        fps=24.96,
        bitrate_kbps=3999.6,
        width=704,
        height=576,
        encoder="x264",
        recording=False,
        recording_reason="disk full",
        last_segment=None,
        viewers=2,
        frames=7,
        below_minimum=True,
    )


def test_a_blind_camera_says_why_and_that_everything_is_masked() -> None:
    told = camera_state(camera(Blind("pixel-format")))
    assert (told["masks"], told["masks_reason"], told["masked_share"]) == ("blind", "pixel-format", 1.0)
    assert (told["fps"], told["bitrate_kbps"], told["recording_reason"]) == (25.0, 4000, "disk full")


def test_a_masked_camera_says_how_much() -> None:
    told = camera_state(camera(Burned(0.123456)))
    assert (told["masks"], told["masks_reason"], told["masked_share"]) == ("burned", "", 0.1235)


def test_a_head_is_told_to_all_who_watch_and_its_steering_only_to_whom_may_steer() -> None:
    turning = replace(camera(Burned(0)), ptz=PtzFacts(12.5, -4.0, 0.2, 38.0, False, "nord", True, 90.0))
    facts = MastFacts(WallTime(1_800_000_000 * 10**9, True, None), 1, 1, 1, (turning, camera(Burned(0), "gare")))
    stands = {"held": "you", "patrol": "", "patrols": ["nuit"]}
    told, gare = page_state(facts, {"parvis", "gare"}, 1_800_000_600, (), {"parvis": stands})["cameras"]
    assert (told["ptz"]["pan_deg"], told["ptz"]["hfov_deg"], told["steering"]) == (12.5, 38.0, stands)
    assert (gare["ptz"], gare["steering"]) == (None, None)
    (told,) = page_state(facts, {"parvis"}, 1_800_000_600, (), {})["cameras"]
    assert told["ptz"]["preset"] == "nord"
    assert told["steering"] is None


def test_the_page_is_told_of_covered_cameras_only() -> None:
    facts = MastFacts(
        WallTime(1_800_000_000 * 10**9, False, None), 1, 1, 1, (camera(Burned(0)), camera(Burned(0), "gare"))
    )
    told = page_state(facts, {"gare"}, 1_800_000_600, (), {})
    assert [one["id"] for one in told["cameras"]] == ["gare"]
    assert (told["grant_expires"], told["synchronised"]) == ("2027-01-15T08:10:00.000Z", False)


def test_ice_servers_are_told_to_browsers_and_players_and_a_password_cannot_break_a_header(tmp_path: Path) -> None:
    secret = tmp_path / "turn.pass"
    secret.write_text('se"cr\\et\x07\n')
    servers = (
        IceServer(urls=("stun:csu.example:3478",)),
        IceServer(urls=("turn:csu.example:3478?transport=udp",), username="mast", password_file=secret),
    )
    assert ice_server(servers[0]) == {"urls": ["stun:csu.example:3478"]}
    assert ice_server(servers[1])["username"] == "mast"
    assert ice_links(servers) == [
        '<stun:csu.example:3478>; rel="ice-server"',
        '<turn:csu.example:3478?transport=udp>; rel="ice-server"; username="mast"; '
        'credential="se\\"cr\\\\et"; credential-type="password"',
    ]
