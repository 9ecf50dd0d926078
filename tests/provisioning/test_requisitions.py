"""The requisition commands as people run them: what comes out serves a mast, what goes wrong is a sentence."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.access.demands import DAY_MS, Export, Hold, Release
from agent.access.jws import decode, encode
from agent.access.keys import load_private, load_public
from agent.access.requisitions import RequisitionJudge, sign
from agent.clock import WallTime, rfc3339
from agent.errors import RequisitionRefused
from provisioning.cli import main
from tests.access.requiring import requisition, signed
from tests.provisioning.speaking import in_both_languages
from tests.provisioning.test_cli import provision

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two judicial authorities and a stranger: `judicial`, `second/judicial`, `stranger/judicial`."""
    folder = tmp_path_factory.mktemp("keys")
    for one in (".", "second", "stranger"):
        assert main(["keys", "init", "--out", str(folder / one)]) == 0
    return folder


def ago(ms: int) -> str:
    """The time of some ms ago."""
    return rfc3339(time.time_ns() // 10**6 - ms)


def new(file: Path, **changes: str | None) -> list[str]:
    """The arguments of an honest requisition; None leaves an option out."""
    options: dict[str, str | None] = {
        "reference": "PV 2026/004211",
        "basis": "cpp-77-1-1",
        "requester": "Zoé Durand",
        "quality": "OPJ",
        "service": "Commissariat de Lens",
        "mast": "lievin-042",
        "camera": "parvis-fixed",
        "from": ago(6 * HOUR_MS),
        "to": ago(5 * HOUR_MS),
        "reason": "Vol avec violences",
        "recipient": "Paul Leroy",
        "recipient_service": "Parquet de Béthune",
        "out": str(file),
    }
    arguments = ["requisition", "new"]
    for name, value in {**options, **changes}.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", value]
    return arguments


def judge(*pubs: Path, threshold: int = 1) -> RequisitionJudge:
    """A mast that knows these keys."""
    authorities = [load_public(path) for path in pubs]
    return RequisitionJudge(
        authorities, threshold, "lievin-042", cameras=lambda: ["parvis-fixed"], answered=lambda _: False
    )


def wall() -> WallTime:
    """The mast's clock."""
    return WallTime(time.time_ns(), synchronised=True, error_ms=1.0)


@pytest.fixture
def file(tmp_path: Path, keys: Path) -> Path:
    """A requisition that the first authority has signed."""
    path = tmp_path / "requisition.json"
    assert main([*new(path), "--key", str(keys / "judicial.key")]) == 0
    return path


def test_a_requisition_signed_at_once_serves_a_mast(tmp_path: Path, keys: Path) -> None:
    path = tmp_path / "requisition.json"
    done = provision(*new(path), "--key", keys / "judicial.key", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    judged = judge(keys / "judicial.pub").judge(path.read_bytes(), wall())
    said = json.loads(done.stdout)
    assert (said["id"], said["file"]) == (judged.id, str(path))
    assert said["expires_at"] == rfc3339(judged.issued_ms + 7 * DAY_MS)
    assert (judged.requester.name, judged.requester.quality) == ("Zoé Durand", "OPJ")
    assert isinstance(judged.demand, Export)
    assert judged.demand.to_ms - judged.demand.from_ms == pytest.approx(HOUR_MS, abs=100)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_way_of_two_authorities_from_hand_to_hand(tmp_path: Path, keys: Path) -> None:
    path = tmp_path / "requisition.json"
    first, second = keys / "judicial", keys / "second" / "judicial"
    mast = judge(Path(f"{first}.pub"), Path(f"{second}.pub"), threshold=2)
    steps: list[list[str]] = [
        new(path),
        ["requisition", "sign", str(path), "--key", f"{first}.key"],
        ["requisition", "countersign", str(path), "--key", f"{second}.key", "--pub", f"{first}.pub"],
    ]
    for step in steps:
        with pytest.raises((RequisitionRefused, OSError)):
            mast.judge(path.read_bytes(), wall())
        assert main(step) == 0
    assert len(mast.judge(path.read_bytes(), wall()).signers) == 2


def test_whose_key_countersign_wants_is_said(tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "requisition.json"
    assert main([*new(path), "--key", str(keys / "judicial.key")]) == 0
    capsys.readouterr()
    asked = ["requisition", "countersign", str(path), "--key", str(keys / "second" / "judicial.key")]
    assert main(asked) == 2
    assert "judicial.pub) of each who has signed before, not your own" in capsys.readouterr().err


def test_an_interval_that_ends_before_it_begins_is_told_by_the_clock_of_paris_and_the_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed: dict[str, str | None] = {"from": "2026-07-14T10:00:00Z", "to": "2026-07-14T11:00:00+02:00"}
    assert main(new(tmp_path / "x", **changed)) == 2
    told = capsys.readouterr().err
    assert "14/07/2026 12:00:00 in Paris" in told
    assert "14/07/2026 11:00:00 in Paris" in told
    assert "--to" in told
    assert "--from" in told
    changed = {"act": "hold", "hold_until": ago(-60_000), "recipient": None, "recipient_service": None}
    assert main(new(tmp_path / "x", **changed)) == 2
    assert "--hold-until" in capsys.readouterr().err


def test_a_hold_and_its_release(tmp_path: Path, keys: Path) -> None:
    hold, release = tmp_path / "hold.json", tmp_path / "release.json"
    no_recipient: dict[str, str | None] = {"recipient": None, "recipient_service": None}
    key = str(keys / "judicial.key")
    until = ago(-90 * DAY_MS)
    assert main([*new(hold, act="hold", hold_until=until, **no_recipient), "--key", key]) == 0
    held = judge(keys / "judicial.pub").judge(hold.read_bytes(), wall())
    assert isinstance(held.demand, Hold)
    assert rfc3339(held.demand.until_ms) == until
    no_interval: dict[str, str | None] = {"camera": None, "from": None, "to": None}
    assert main([*new(release, act="release", hold=held.id, **no_recipient, **no_interval), "--key", key]) == 0
    assert judge(keys / "judicial.pub").judge(release.read_bytes(), wall()).demand == Release(held.id)


FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "blank reason": ({"reason": " "}, "reason"),
    "control characters": ({"requester": "Zo\x1b[31m"}, "requester.name"),
    "basis of a grant": ({"basis": "event"}, "event"),
    "no reference": ({"reference": None}, "--reference"),
    "no camera": ({"camera": None}, "--camera"),
    "mast with a wildcard": ({"mast": "#"}, "#"),
    "time without zone": ({"from": "2026-11-18T09:00:00"}, "zone"),
    "day alone": ({"to": "2026-11-18"}, "zone"),
    "empty": ({"from": ago(HOUR_MS), "to": ago(HOUR_MS * 2)}, "empty"),
    "huge": ({"from": ago(40 * DAY_MS), "to": ago(DAY_MS)}, "31 days"),
    "not over": ({"to": ago(-HOUR_MS)}, "not over"),
    "too long": ({"valid": "32d"}, "31d"),
    "nobody receives": ({"recipient": None}, "--recipient"),
    "hold of an export": ({"hold_until": ago(-HOUR_MS)}, "--hold-until"),
    "hold without end": (
        {"act": "hold", "recipient": None, "recipient_service": None, "hold_until": ago(-500 * DAY_MS)},
        "hold_until",
    ),
    "release with an interval": ({"act": "release", "hold": "x"}, "--camera"),
    "missing key": ({"key": "/nowhere/judicial.key"}, "/nowhere"),
    "no folder": ({"out": "/nowhere/requisition.json"}, "/nowhere"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_ends_in_a_sentence_and_no_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes, named = FAULTS[kind]
    assert main(new(tmp_path / "requisition.json", **changes)) == 2
    said = capsys.readouterr()
    assert (said.out, list(tmp_path.iterdir())) == ("", [])
    assert named in said.err


def test_an_existing_file_is_never_overwritten(file: Path) -> None:
    before = file.read_bytes()
    assert main(new(file)) == 2
    assert file.read_bytes() == before


def altered(text: bytes) -> bytes:
    """The document with another payload under its signatures."""
    document = json.loads(text)
    document["payload"] = document["payload"].replace("A", "B", 1)
    return json.dumps(document).encode()


def swapped(text: bytes) -> bytes:
    """The document with a readable, honest-looking other payload."""
    document = json.loads(text)
    said = json.loads(decode(document["payload"]))
    document["payload"] = encode(json.dumps({**said, "cameras": ["parvis-ptz"]}).encode())
    return json.dumps(document).encode()


@pytest.mark.parametrize("change", [altered, swapped])
def test_what_was_changed_after_signing_is_not_countersigned(
    change: Callable[[bytes], bytes], file: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(change(file.read_bytes()))
    before = file.read_bytes()
    pub, key = keys / "judicial.pub", keys / "second" / "judicial.key"
    assert main(["requisition", "countersign", str(file), "--key", str(key), "--pub", str(pub)]) == 1
    assert capsys.readouterr().err.startswith("vigie-provision: ")
    assert file.read_bytes() == before
    assert main(["requisition", "show", str(file), "--pub", str(pub)]) == 1


def test_a_signature_of_a_key_that_is_not_given_is_not_countersigned(
    file: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, pub = keys / "second" / "judicial.key", keys / "stranger" / "judicial.pub"
    assert main(["requisition", "countersign", str(file), "--key", str(key), "--pub", str(pub)]) == 1
    assert "signature 1" in capsys.readouterr().err
    assert len(json.loads(file.read_bytes())["signatures"]) == 1


def test_one_bad_signature_among_good_ones_is_not_countersigned(file: Path, keys: Path) -> None:
    file.write_bytes(sign(file.read_bytes(), load_private(keys / "stranger" / "judicial.key")))
    key, pub = keys / "second" / "judicial.key", keys / "judicial.pub"
    assert main(["requisition", "countersign", str(file), "--key", str(key), "--pub", str(pub)]) == 1


def test_the_same_key_does_not_sign_twice(file: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, pub = str(keys / "judicial.key"), str(keys / "judicial.pub")
    before = file.read_bytes()
    assert main(["requisition", "sign", str(file), "--key", key]) == 2
    assert "countersign" in capsys.readouterr().err
    assert main(["requisition", "countersign", str(file), "--key", key, "--pub", pub]) == 2
    assert "already" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_nobody_has_signed_and_it_is_countersigned(tmp_path: Path, keys: Path) -> None:
    path = tmp_path / "requisition.json"
    assert main(new(path)) == 0
    key, pub = keys / "judicial.key", keys / "second" / "judicial.pub"
    assert main(["requisition", "countersign", str(path), "--key", str(key), "--pub", str(pub)]) == 2


def test_what_no_mast_would_take_is_not_signed(tmp_path: Path, keys: Path) -> None:
    path = tmp_path / "requisition.json"
    path.write_bytes(signed(requisition(issued_ms=10**12, expires_ms=10**12 + 1)))
    for raw in (path.read_bytes(), b"", b"{}", b"x" * 100_000):
        path.write_bytes(raw)
        assert main(["requisition", "sign", str(path), "--key", str(keys / "judicial.key")]) == 1
        assert path.read_bytes() == raw


def test_signing_keeps_the_file_s_mode_and_leaves_nothing_beside_it(tmp_path: Path, keys: Path) -> None:
    path = tmp_path / "requisition.json"
    assert main(new(path)) == 0
    path.chmod(0o640)
    assert main(["requisition", "sign", str(path), "--key", str(keys / "judicial.key")]) == 0
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["requisition.json"]


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path, keys: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        assert main(["requisition", "sign", str(path), "--key", str(keys / "judicial.key")]) == 2
        assert main(["requisition", "show", str(path)]) == 2


def test_show_puts_every_word_before_a_person_and_says_whose_signature_is_good(file: Path, keys: Path) -> None:
    file.write_bytes(sign(file.read_bytes(), load_private(keys / "stranger" / "judicial.key")))
    done = provision("requisition", "show", file, "--pub", keys / "judicial.pub")
    assert done.returncode == 1
    assert "do not rely on it" in done.stderr
    for text in ("PV 2026/004211", "Zoé Durand, OPJ", "Vol avec violences", "lievin-042", "parvis-fixed", "Paul Leroy"):
        assert text in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("signature")]
    assert [("good" in line, "DOES NOT VERIFY" in line) for line in lines] == [(True, False), (False, True)]
    pubs = [keys / "judicial.pub", keys / "stranger" / "judicial.pub"]
    assert provision("requisition", "show", file, "--pub", *pubs).returncode == 0


def test_show_without_keys_says_that_it_verified_nothing(file: Path) -> None:
    done = provision("requisition", "show", file)
    assert done.returncode == 0
    assert "not verified" in done.stdout
    french = provision("requisition", "show", file, language="fr_FR.UTF-8")
    assert "réquisition (art. 77-1-1 CPP)" in french.stdout


def test_show_says_when_a_mast_would_refuse_and_json_serves_programs(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requisition.json"
    old = requisition(issued_ms=10**12, expires_ms=10**12 + 1)
    path.write_bytes(signed(old, load_private(keys / "judicial.key")))
    assert main(["requisition", "show", str(path)]) == 0
    told = capsys.readouterr().out
    assert "would refuse" in told
    assert "2001-09-09T01:46:40.000Z (09/09/2001 03:46:40 in Paris)" in told  # 10**12 ms, in summer
    assert main(["requisition", "show", str(path), "--pub", str(keys / "judicial.pub"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["requisition"]["id"] == old.id
    assert said["signatures"][0]["file"] == str(keys / "judicial.pub")


@pytest.mark.parametrize("step", ["new", "sign", "countersign", "show"])
def test_help_and_bad_usage_in_both_languages(step: str) -> None:
    for arguments, status in ((["--help"], 0), ([], 2), (["--no"], 2)):
        english, french = in_both_languages("requisition", step, *arguments)
        assert english.returncode == french.returncode == status
        assert "Traceback" not in english.stderr + french.stderr
        assert (english.stdout + english.stderr) != (french.stdout + french.stderr)
