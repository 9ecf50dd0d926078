"""`vigie-provision evidence check-signatures` on real files: as the vault writes them, and as others change them."""

import json
import random
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.errors import UsageError
from agent.signing import certificates
from agent.signing.film import judge_film
from agent.signing.signer import Signer
from agent.signing.verdict import Verdict
from agent.units import AccessUnit
from agent.vault.muxer import Muxer
from provisioning.cli import main
from provisioning.signatures import device_key, lines
from tests.needs import needs
from tests.provisioning.speaking import ENGLISH, FRENCH, said
from tests.provisioning.test_cli import provision
from tests.signing.material import DEVICE, KEY, made_identity, nals, plain, public, rebuilt, signed

pytestmark = needs("ffmpeg", "ffmpeg")


def mux(units: Sequence[AccessUnit]) -> bytes:
    muxer = Muxer(units[0])
    return b"".join(map(muxer.add, units)) + muxer.finish()


def ffmpeg(*arguments: str | Path) -> None:
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segment from the middle of a recording, from keyframe to keyframe."""
    path = tmp_path_factory.mktemp("signed") / "segment.mp4"
    path.write_bytes(mux(signed()[50:150]))
    return path


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mast's identity folder, its public part."""
    folder = tmp_path_factory.mktemp("identity")
    pem = public().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "device.pub").write_bytes(pem)
    (folder / "device.crt").write_bytes(certificates.authority(DEVICE.key))
    return folder


def judged(path: Path, device: Path) -> Verdict:
    return judge_film(path, device_key(device / "device.pub", None))


def kinds(checked: Verdict) -> list[str]:
    return [one.kind for one in checked.report.findings]


def test_a_segment_as_the_vault_writes_it(segment: Path, device: Path) -> None:
    for option in ("--device-pub=device.pub", "--certificate=device.crt"):
        name, _, file = option.partition("=")
        done = provision("evidence", "check-signatures", segment, name, device / file)
        assert (done.returncode, done.stderr) == (3, "")
        assert done.stdout.splitlines() == [
            f"signed as m/c/main by key {judged(segment, device).report.key}, which the named mast vouches for",
            "[1-89/100] 2026-11-18T11:06:42.000Z - 2026-11-18T11:06:45.560Z valid",
            "[90-100/100] not judged: the signature of the last pictures came after this file's end",
            "verdict: verified up to picture 89 of 100 (2026-11-18T11:06:45.560Z), as this mast signed them; "
            "pictures 90 to 100 are NOT verified: the recording's next segment would judge them (--following)",
        ]


def test_the_verdict_in_french_and_for_programs(segment: Path, device: Path) -> None:
    key = device / "device.pub"
    french = said(FRENCH, "evidence", "check-signatures", segment, "--device-pub", key)
    assert french.returncode == 3
    assert french.stdout.splitlines()[-1].startswith("verdict : vérifié jusqu'à l'image 89 sur 100 (2026-")
    assert "images 90 à 100 NON vérifiées" in french.stdout.splitlines()[-1]
    told = json.loads(said(ENGLISH, "evidence", "check-signatures", segment, "--device-pub", key, "--json").stdout)
    assert (told["verdict"], told["verified_to"], told["pictures"]) == ("up-to", 89, 100)
    assert (told["verified_until"], told["source"]) == ("2026-11-18T11:06:45.560Z", "m/c/main")
    assert [one["kind"] for one in told["findings"]] == ["valid", "tail"]


def test_what_is_altered_behind_the_last_signature_is_never_told_as_verified(device: Path, tmp_path: Path) -> None:
    film = signed()[50:150]
    film[95] = rebuilt(film[95], nals(signed(seed=1)[145]))
    (tmp_path / "x.mp4").write_bytes(mux(film))
    done = said(
        "en_GB.UTF-8", "evidence", "check-signatures", tmp_path / "x.mp4", "--device-pub", device / "device.pub"
    )
    assert done.returncode == 3
    assert "up to picture 89 of 100" in done.stdout
    assert "pictures 90 to 100 are NOT verified" in done.stdout
    assert "all" not in done.stdout.splitlines()[-1].split()


def test_the_next_segment_judges_the_last_pictures(segment: Path, device: Path, tmp_path: Path) -> None:
    (tmp_path / "next.mp4").write_bytes(mux(signed(210)[150:]))
    command = ("--device-pub", device / "device.pub", "--following", tmp_path / "next.mp4")
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(mux(signed(210)[50:150]))
    done = said(ENGLISH, "evidence", "check-signatures", whole, *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [
        "[1-100/100] 2026-11-18T11:06:42.000Z - 2026-11-18T11:06:46.000Z valid",
        "verdict: all 100 pictures are as this mast signed them",
    ]


@pytest.mark.parametrize("how", ["altered", "dropped", "shown twice", "not the next", "of another run"])
def test_a_last_half_second_that_the_next_segment_refutes(device: Path, tmp_path: Path, how: str) -> None:
    units = signed(210)
    film, after = units[50:150], units[150:]
    if how == "altered":
        film[95] = rebuilt(film[95], nals(signed(seed=1)[145]))
    elif how == "dropped":
        del film[95]
    elif how == "shown twice":
        film.insert(95, replace(film[94], pts_90k=film[94].pts_90k + 1800))
    elif how == "not the next":
        after = units[200:] + signed(260)[210:]
    else:
        after = signed(60, seed=1)
    key = device_key(device / "device.pub", None)
    verdict = judge_film(mux(film), key, mux(after))
    assert (verdict.word, verdict.verified_to) == ("refuted", 0)
    assert max(one.last_picture for one in verdict.report.findings) <= len(film), "the next one is not judged itself"


def test_a_next_segment_too_short_to_tell_leaves_the_tail_unjudged(device: Path) -> None:
    units = signed(210)
    verdict = judge_film(mux(units[50:150]), device_key(device / "device.pub", None), mux(units[150:151]))
    assert (verdict.word, verdict.verified_to) == ("up-to", 89)


def test_bytes_are_judged_like_their_file(segment: Path, device: Path) -> None:
    key = device_key(device / "device.pub", None)
    assert judge_film(segment.read_bytes(), key) == judge_film(segment, key)
    with pytest.raises(UsageError, match="the film: cannot be read"):
        judge_film(b"hello", key)


def test_without_a_mast_named_nothing_is_vouched_for(segment: Path) -> None:
    done = said(ENGLISH, "evidence", "check-signatures", segment)
    assert done.returncode == 1
    assert "whose key that is, nothing here says" in done.stdout
    assert "nobody vouches for the key" in done.stdout.splitlines()[-1]


def test_the_key_of_another_mast(segment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(certificates.authority(made_identity().key))
    assert main(["evidence", "check-signatures", str(segment), "--certificate", str(other)]) == 1
    told = capsys.readouterr().out
    assert "FOREIGN: signed by another key" in told
    assert told.splitlines()[-1] == "verdict: NOT verified"
    assert "valid" not in told


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.ts", "x.h264", "x.mov"])
def test_copied_into_another_container_it_stays_valid(segment: Path, device: Path, tmp_path: Path, name: str) -> None:
    ffmpeg("-i", segment, "-c", "copy", tmp_path / name)
    checked = judged(tmp_path / name, device)
    assert (kinds(checked), checked.report.pictures, checked.word) == (["valid", "tail"], 100, "up-to")


def test_segments_joined_without_encoding_are_one_valid_file(device: Path, tmp_path: Path) -> None:
    for name, part in (("a", signed()[:50]), ("b", signed()[50:100]), ("c", signed()[100:])):
        (tmp_path / f"{name}.mp4").write_bytes(mux(part))
    (tmp_path / "list").write_text("file a.mp4\nfile b.mp4\nfile c.mp4\n")
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", tmp_path / "whole.mp4")
    checked = judged(tmp_path / "whole.mp4", device)
    assert (kinds(checked), checked.report.pictures) == (["valid", "tail"], 160)
    (tmp_path / "list").write_text("file a.mp4\nfile c.mp4\n")
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", tmp_path / "whole.mp4")
    assert "missing" in kinds(judged(tmp_path / "whole.mp4", device))


def test_cut_at_a_keyframe_without_encoding(device: Path, tmp_path: Path) -> None:
    (tmp_path / "whole.mp4").write_bytes(mux(signed()))
    ffmpeg("-ss", "2", "-i", tmp_path / "whole.mp4", "-t", "2.5", "-c", "copy", tmp_path / "cut.mp4")
    checked = judged(tmp_path / "cut.mp4", device)
    assert kinds(checked) == ["valid", "tail"]
    assert checked.report.pictures < 70


def test_broken_off_anywhere_it_verifies_as_far_as_it_goes(segment: Path, device: Path, tmp_path: Path) -> None:
    whole = segment.read_bytes()
    good = 0
    for tenth in range(1, 10):
        (tmp_path / "x.mp4").write_bytes(whole[: len(whole) * tenth // 10])
        done = kinds(judged(tmp_path / "x.mp4", device))
        assert done in (["valid", "tail"], ["valid"], ["tail"])  # too short for a signature: nothing is called valid
        good += done[0] == "valid"
    assert good >= 6


def test_encoded_anew_it_is_unsigned(segment: Path, device: Path, tmp_path: Path) -> None:
    ffmpeg("-i", segment, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "x.mp4")
    checked = judged(tmp_path / "x.mp4", device)
    assert kinds(checked) == ["unsigned"]
    assert (checked.word, checked.verified_to) == ("refuted", 0)


def test_cropped_without_encoding_it_is_altered(segment: Path, device: Path, tmp_path: Path) -> None:
    """ffmpeg rewrites the SPS: a third of the picture is gone, and not one slice has changed."""
    ffmpeg("-i", segment, "-c", "copy", "-bsf:v", "h264_metadata=crop_right=100", tmp_path / "x.mp4")
    checked = judged(tmp_path / "x.mp4", device)
    assert "valid" not in kinds(checked)
    assert ("altered", "parameter-sets") in {(one.kind, one.why) for one in checked.report.findings}


def test_a_header_cropped_in_the_container_alone_is_altered(segment: Path, device: Path, tmp_path: Path) -> None:
    whole = segment.read_bytes()
    sps = nals(signed()[50])[0]
    at = whole.index(sps)  # in avcC, before all pictures
    (tmp_path / "x.mp4").write_bytes(whole[: at + 8] + bytes((whole[at + 8] ^ 1,)) + whole[at + 9 :])
    checked = judged(tmp_path / "x.mp4", device)
    assert ("altered", "header") in {(one.kind, one.why) for one in checked.report.findings}


@pytest.mark.parametrize(
    ("track", "kind"),
    [
        (("-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac"), "audio"),
        (("-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-c:v:1", "libx264", "-map", "0", "-map", "1"), "video"),
    ],
)
def test_a_track_beside_that_nobody_signed(
    segment: Path, device: Path, tmp_path: Path, track: tuple[str, ...], kind: str
) -> None:
    ffmpeg("-i", segment, *track, "-c:v:0", "copy", tmp_path / "x.mp4")
    checked = judged(tmp_path / "x.mp4", device)
    assert checked.report.intact
    assert (checked.word, checked.verified_to) == ("refuted", 0)
    assert checked.others == (kind,)
    assert any(kind in line for line in lines(checked))


@pytest.mark.parametrize("content", [b"", b"hello", b"#EXTM3U\n/etc/passwd\n", b"ffconcat version 1.0\nfile x\n"])
def test_what_is_no_footage_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    done = said(ENGLISH, "evidence", "check-signatures", tmp_path / "x.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"vigie-provision: {tmp_path}/x.mp4: cannot be read")
    assert "Traceback" not in done.stderr


def test_a_film_of_another_codec_is_refused(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-c:v", "mpeg4", tmp_path / "x.mp4")
    done = said(ENGLISH, "evidence", "check-signatures", tmp_path / "x.mp4")
    assert done.returncode == 2
    assert "no H.264 in it" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-file.mp4"],
        ["SEGMENT", "--device-pub", "no-such-file"],
        ["SEGMENT", "--certificate", "no-such-file"],
        ["SEGMENT", "--certificate", "SEGMENT"],
        ["SEGMENT", "--device-pub", "PUB", "--certificate", "CRT"],
    ],
)
def test_misuse_is_one_sentence(segment: Path, device: Path, arguments: list[str]) -> None:
    files = {"SEGMENT": segment, "PUB": device / "device.pub", "CRT": device / "device.crt"}
    done = said(ENGLISH, "evidence", "check-signatures", *(files.get(one, one) for one in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_name_that_would_play_with_the_terminal_is_shown_harmless(device: Path, tmp_path: Path) -> None:
    signer = Signer(KEY, "m/\x1b[2J/main")
    (tmp_path / "x.mp4").write_bytes(mux([signer.sign(unit) for unit in plain(160)]))
    assert "m/?[2J/main" in lines(judged(tmp_path / "x.mp4", device))[0]


@pytest.mark.parametrize("picture", range(0, 80, 16))
def test_one_bit_of_a_picture_in_the_file(device: Path, tmp_path: Path, picture: int) -> None:
    film = signed()[50:150]
    parts = nals(film[picture])
    parts[-1] = parts[-1][:30] + bytes((parts[-1][30] ^ 0x10,)) + parts[-1][31:]
    film[picture] = rebuilt(film[picture], parts)
    (tmp_path / "x.mp4").write_bytes(mux(film))
    assert "altered" in kinds(judged(tmp_path / "x.mp4", device))


def test_a_file_with_broken_bytes_is_judged_or_refused_and_nothing_else(
    segment: Path, device: Path, tmp_path: Path
) -> None:
    draw = random.Random(7)
    whole = segment.read_bytes()
    for _ in range(60):
        harmed = bytearray(whole)
        for _ in range(draw.randint(1, 6)):
            harmed[draw.choice((draw.randrange(len(whole)), draw.randrange(1500)))] = draw.randrange(256)
        (tmp_path / "x.mp4").write_bytes(harmed)
        with suppress(UsageError):
            assert lines(judged(tmp_path / "x.mp4", device))
