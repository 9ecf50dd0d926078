"""Configuration files, good and broken: every fault in one go, each on its own line, and never a secret."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.keys import save_private, save_public
from agent.config import Configuration, load
from agent.errors import ConfigurationError
from agent.named_files import fingerprint
from tests.rig.certificates import Authority

RECIPIENT = "age1knysve405l3q3zglpll73ruwag8upp2zcgq0l4s6ze3899v7pp2qrk2mfl"
SECRET = "Hunter2-Tr0ub4dor"
SQUARE = [[0.1, 0.1], [0.3, 0.1], [0.3, 0.5], [0.1, 0.5]]
ROOT = Path(__file__).parents[1]


def toml(value: Any) -> str:
    """A TOML value."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\u{ord(c):04X}" if ord(c) < 32 or c in '"\\' else c for c in value) + '"'
        case date():  # a date-time is one too
            return value.isoformat()
        case list() | tuple():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + "}"
        case _:
            return repr(value)


def camera(**changes: Any) -> dict[str, Any]:
    """A good fixed camera with one mask; a change to `...` leaves the key out."""
    good: dict[str, Any] = {
        "id": "parvis-fixed",
        "name": "Parvis, fixe",
        "kind": "fixed",
        "source": "rtsp://10.0.0.10/stream1",
        "mask": [{"name": "fenêtres", "polygon": SQUARE}],
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not ...}


class Town:
    """A folder with keys, certificates and a configuration that tests write with `changes` to a good one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "vigie.toml"
        for name in ("authority", "judicial", "second"):
            key = Ed25519PrivateKey.generate()
            save_private(folder / f"{name}.key", key)
            save_public(folder / f"{name}.pub", key.public_key())
        (folder / "camera.pass").write_text(SECRET + "\n")

    def write(self, **changes: Any) -> Path:
        """Writes the file. `mast={"id": ...}` changes keys of a table, `...` leaves a key or a table out."""
        good: dict[str, Any] = {
            "mast": {
                "id": "lievin-042",
                "town": "lievin",
                "site": "Parvis de l'Hôtel\u00a0de\u00a0Ville",
                "state": "state",
            },
            "vault": {"recipients": [RECIPIENT], "retention_days": 15, "max_gib": 64},
            "access": {"authorities": ["authority.pub"], "requisition_authorities": ["judicial.pub"]},
            "http": {"listen": "127.0.0.1:8443"},
            "live": {},
            "mqtt": {"url": "mqtts://csu.example:8883"},
            "camera": [camera()],
        }
        for table, change in changes.items():
            known = good.get(table)
            good[table] = {**known, **change} if isinstance(known, dict) and isinstance(change, dict) else change
        lines = []
        for table, value in good.items():
            if isinstance(value, dict):
                value = {key: one for key, one in value.items() if one is not ...}
            if value is not ...:
                lines.append(f"{toml(table)} = {toml(value)}")
        self.path.write_text("\n".join(lines), encoding="utf-8")
        return self.path

    def load(self, **changes: Any) -> Configuration:
        """The configuration of `write`."""
        return load(self.write(**changes))

    def faults(self, **changes: Any) -> dict[str, str]:
        """The faults of `write`, key -> text; fails when there is none or when a line has another form."""
        return read_faults(self.write(**changes))


def read_faults(path: Path) -> dict[str, str]:
    """The faults of a file, key -> text."""
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    found = {}
    for line in caught.value.faults:
        assert line.isprintable()
        file, key, text = line.split(": ", 2)
        assert file == str(path)
        assert text
        found[key] = text
    return found


def make_pair(folder: Path) -> dict[str, str]:
    """A server certificate and its key as files in `folder`: {certificate, private_key}."""
    pair = Authority(folder).issue("mast", "127.0.0.1")
    return {"certificate": pair.certificate.name, "private_key": pair.private_key.name}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A town with keys and nothing wrong."""
    return Town(tmp_path)


# --- good files ---


def test_a_good_file_loads_and_paths_are_taken_from_its_own_folder(town: Town) -> None:
    found = town.load(camera=[camera(password_file="camera.pass", username="vigie")])
    assert found.mast.state == town.folder / "state"
    assert found.access.authorities == (town.folder / "authority.pub",)
    assert found.camera[0].password().get_secret_value() == SECRET
    assert (found.camera[0].fps, found.camera[0].bitrate_kbps, found.camera[0].encoder) == (25, 4000, "auto")
    assert (found.mqtt.host, found.mqtt.port, found.mqtt.tls) == ("csu.example", 8883, True)  # type: ignore[union-attr]
    assert len(found.sha256) == 64


def test_the_same_keys_written_as_tables_load(town: Town) -> None:
    town.path.write_text(
        f"""
        [mast]
        id = "lievin-042"
        town = "lievin"
        state = "state"
        [vault]
        recipients = ["{RECIPIENT}"]
        retention_days = 30
        max_gib = 0.5
        [access]
        authorities = ["authority.pub"]
        [[camera]]
        id = "a"
        name = "A"
        kind = "panoramic"
        source = "v4l2:/dev/video0"
        view = "wide"
        fps = 6
        no_private_area = "Mme le maire, 2026-11-02"
        """
    )
    found = load(town.path)
    assert found.http.listen == "127.0.0.1:8443"
    assert found.camera[0].mask == ()


def test_a_mast_without_broker_is_a_bench_and_legitimate(town: Town) -> None:
    assert town.load(mqtt=...).mqtt is None


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://10.0.0.10/stream1",
        "rtsps://cam.example:322/a?channel=1&subtype=0",
        "rtsp://[fd00::1]:554/",
        "v4l2:/dev/video0",
    ],
)
def test_each_form_of_source(source: str, town: Town) -> None:
    assert town.load(camera=[camera(source=source)]).camera[0].source == source


def test_a_video_file_is_found_from_the_configurations_folder(town: Town) -> None:
    (town.folder / "street.mp4").write_bytes(b"video")
    assert town.load(camera=[camera(source="file:street.mp4")]).camera[0].source == f"file:{town.folder}/street.mp4"


def test_the_hash_is_of_the_files_bytes(town: Town) -> None:
    first = town.load().sha256
    town.path.write_bytes(town.path.read_bytes() + b"\n# note\n")
    assert load(town.path).sha256 != first


# --- many faults at once ---

BROKEN: dict[str, Any] = {
    "mast": {"id": "Liévin 42", "town": "", "sitee": "x"},
    "vault": {"recipients": ["AGE-SECRET-KEY-1QQQ"], "retention_days": 31, "max_gib": -1, "segment_seconds": "6"},
    "access": {"authorities": ["nowhere.pub"], "requisition_threshold": 3},
    "http": {"listen": "0.0.0.0:8443", "origins": ["*"]},
    "mqtt": {"url": "mqtt://csu.example"},
    "camera": [
        camera(fps=10, bitrate_kbps=True),
        camera(source=f"rtsp://admin:{SECRET}@10.0.0.10/"),
        camera(id="b", mask=..., name=""),
        camera(id="c", mask=[{"name": "x", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}]),
    ],
    "cameras": 3,
}
NAMED = {
    "mast.id",
    "mast.town",
    "mast.sitee",
    "vault.recipients[0]",
    "vault.retention_days",
    "vault.max_gib",
    "vault.segment_seconds",
    "access.authorities[0]",
    "access.requisition_threshold",
    "http.private_key",
    "http.origins[0]",
    "mqtt.allow_plain",
    "camera[0].fps",
    "camera[0].bitrate_kbps",
    "camera[1].source",
    "camera[2].name",
    "camera[2].mask",
    "camera[3].mask[0].polygon",
    "camera",
    "cameras",
}


def test_twenty_different_faults_are_all_named(town: Town) -> None:
    assert set(town.faults(**BROKEN)) == NAMED


def test_faults_come_in_both_languages_with_the_same_keys(town: Town) -> None:
    path = town.write(**BROKEN)
    code = "import sys; from agent.config import load; from pathlib import Path\ntry: load(Path(sys.argv[1]))\n"
    code += "except Exception as error: print('\\n'.join(error.faults))"
    said = {}
    for tongue in ("en_GB.UTF-8", "fr_FR.UTF-8"):
        environment = {**os.environ, "LC_ALL": tongue, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code, path], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        said[tongue] = [line.split(": ", 2) for line in done.stdout.splitlines()]
    english, french = said.values()
    assert {key for _, key, _ in english} == {key for _, key, _ in french} == NAMED
    for (_, key, en), (_, _, fr) in zip(english, french, strict=True):
        assert en != fr, key
        assert SECRET not in en + fr


# --- no secret is ever told ---


def test_no_secret_stands_in_a_message_or_a_representation(town: Town) -> None:
    good = town.load(camera=[camera(password_file="camera.pass", username="vigie")])
    assert SECRET not in repr(good) + str(good) + good.model_dump_json()
    for source in (
        f"rtsp://admin:{SECRET}@10.0.0.10/",
        f"rtsp://admin:{SECRET}@10.0.0.10:{SECRET}/",
        f"rtsp://admin:{SECRET}",
        f"rtsp://admin:{SECRET}/x@host",
        f"rtsp://admin:{SECRET}@[::1/",
        f"rtsp://admin:{SECRET}\u2100@host/",
        f"http://admin:{SECRET}@host/",
        f"rtsp://{SECRET}:99999@host/",
    ):
        told = town.faults(camera=[camera(source=source)])
        assert set(told) == {"camera[0].source"}
        assert SECRET not in str(told)
    for url in (f"mqtts://u:{SECRET}@csu.example", f"mqtts://u:{SECRET}", f"mqtts://u:{SECRET}@[", f"x://u:{SECRET}@h"):
        assert SECRET not in str(town.faults(mqtt={"url": url}))
    assert SECRET not in str(town.faults(http={"origins": [f"https://u:{SECRET}@csu.example"]}))
    assert SECRET not in str(town.faults(live={"ice_servers": [{"urls": [f"turn:u:{SECRET}@h"]}]}))


def test_the_password_itself_in_the_place_of_its_file_is_not_repeated(town: Town) -> None:
    told = town.faults(camera=[camera(password_file=SECRET)], mqtt={"password_file": SECRET})
    assert set(told) == {"camera[0].password_file", "mqtt.password_file"}
    assert SECRET not in str(told)


def test_an_unknown_password_key_is_named_without_its_value(town: Town) -> None:
    told = town.faults(camera=[camera(password=SECRET)])
    assert set(told) == {"camera[0].password"}
    assert SECRET not in str(told)


def test_a_private_key_where_a_public_one_belongs_is_not_shown(town: Town) -> None:
    told = town.faults(vault={"recipients": [f"AGE-SECRET-KEY-1{SECRET}"]}, access={"authorities": ["authority.key"]})
    assert set(told) == {"vault.recipients[0]", "access.authorities[0]"}
    assert SECRET not in str(told)
    assert (town.folder / "authority.key").read_text().splitlines()[1] not in str(told)


# --- each rule ---


@pytest.mark.parametrize("name", ["", "Lievin", "a/b", "+", "#", "a b", "é", "x" * 41, "a\n", 5])
def test_an_id_that_would_break_a_topic_or_a_path(name: object, town: Town) -> None:
    assert set(town.faults(mast={"id": name, "town": name}, camera=[camera(id=name)])) == {
        "mast.id",
        "mast.town",
        "camera[0].id",
    }


@pytest.mark.parametrize("days", [31, 0, -1, 15.5, "15", True, float("inf"), float("nan"), 10**30])
def test_retention_beyond_the_legal_month_or_no_number_of_days(days: object, town: Town) -> None:
    assert set(town.faults(vault={"retention_days": days})) == {"vault.retention_days"}


def test_retention_must_be_said_since_the_prefect_fixes_it(town: Town) -> None:
    assert set(town.faults(vault={"retention_days": ...})) == {"vault.retention_days"}
    assert town.load(vault={"retention_days": 30}).vault.retention_days == 30


@pytest.mark.parametrize("size", [0, -1, "64", float("nan"), float("inf"), True, 10**400])
def test_a_budget_that_is_none(size: object, town: Town) -> None:
    assert set(town.faults(vault={"max_gib": size})) == {"vault.max_gib"}


@pytest.mark.parametrize("seconds", [1.9, 61, float("nan")])
def test_segments_too_short_or_too_long(seconds: float, town: Town) -> None:
    assert set(town.faults(vault={"segment_seconds": seconds})) == {"vault.segment_seconds"}


@pytest.mark.parametrize("text", ["", "age1", "age1qqqq", RECIPIENT[:-1] + "q", RECIPIENT + " ", "ssh-ed25519 AAAA", 5])
def test_a_recipient_that_is_none(text: object, town: Town) -> None:
    assert set(town.faults(vault={"recipients": [RECIPIENT, text]})) == {"vault.recipients[1]"}


def test_a_vault_or_a_mast_nobody_could_open(town: Town) -> None:
    assert set(town.faults(vault={"recipients": []}, access={"authorities": []})) == {
        "vault.recipients",
        "access.authorities",
    }


NEXT = "age13pjh78s9dw04hmldgj48ncp58pp4qqrzaydvhlr63xm2sjhrmf0qzzkqsh"
NEW_YEAR = date(2027, 1, 1)


def rotation(*dates: object, recipients: Sequence[Sequence[str]] = ((NEXT,), (RECIPIENT,))) -> list[dict[str, Any]]:
    """`[[vault.rotation]]` tables, the recipients taken by turns."""
    return [{"from": one, "recipients": recipients[i % len(recipients)]} for i, one in enumerate(dates)]


def test_rotations_in_order_load_and_count_for_reloads(town: Town) -> None:
    before = town.load()
    found = town.load(vault={"rotation": rotation(NEW_YEAR, date(2027, 7, 1))})
    assert [(str(one.from_), one.recipients) for one in found.vault.rotation] == [
        ("2027-01-01", (NEXT,)),
        ("2027-07-01", (RECIPIENT,)),
    ]
    assert before.vault.rotation == ()
    assert fingerprint(found.vault) != fingerprint(before.vault)
    other = town.load(vault={"rotation": rotation(NEW_YEAR, date(2027, 7, 2))})
    assert fingerprint(found.vault) != fingerprint(other.vault)


@pytest.mark.parametrize("dates", [(date(2027, 7, 1), NEW_YEAR), (NEW_YEAR, NEW_YEAR)])
def test_rotations_out_of_order_or_on_one_day(dates: tuple[date, ...], town: Town) -> None:
    assert set(town.faults(vault={"rotation": rotation(*dates)})) == {"vault.rotation"}


@pytest.mark.parametrize("recipients", [[[RECIPIENT]], [[NEXT], [NEXT]]])
def test_a_rotation_that_changes_nothing(recipients: list[list[str]], town: Town) -> None:
    told = town.faults(vault={"rotation": rotation(NEW_YEAR, date(2028, 1, 1), recipients=recipients)})
    assert set(told) == {"vault.rotation"}
    assert "changes nothing" in told["vault.rotation"]


@pytest.mark.parametrize(
    "day", ["2027-01-01", 2027, datetime(2027, 1, 1, tzinfo=UTC), date(1, 1, 1), date(2019, 12, 31), True]
)
def test_a_rotation_whose_date_is_none(day: object, town: Town) -> None:
    assert set(town.faults(vault={"rotation": rotation(day)})) == {"vault.rotation[0].from"}


def test_a_rotation_to_nobody_to_a_private_half_or_with_a_misspelt_key(town: Town) -> None:
    for table, key in (
        ({"from": NEW_YEAR, "recipients": []}, "recipients"),
        ({"from": NEW_YEAR, "recipients": [f"AGE-SECRET-KEY-1{SECRET}"]}, "recipients[0]"),
        ({"from": NEW_YEAR}, "recipients"),
        ({"recipients": [NEXT]}, "from"),
        ({"from": NEW_YEAR, "recipients": [NEXT], "until": NEW_YEAR}, "until"),
        ({"from_": NEW_YEAR, "from": NEW_YEAR, "recipients": [NEXT]}, "from_"),
    ):
        told = town.faults(vault={"rotation": [table]})
        assert set(told) == {f"vault.rotation[0].{key}"}
        assert SECRET not in str(told)


@pytest.mark.parametrize("kind", ["age1pq1qqqq", "age1tagpq1qqqq"])
def test_post_quantum_recipients_are_told_by_name_and_never_mixed(kind: str, town: Town) -> None:
    alone = town.faults(vault={"recipients": [kind, kind]})
    assert "cannot seal" in alone["vault.recipients"]
    mixed = town.faults(vault={"recipients": [RECIPIENT, kind]})
    assert "one kind" in mixed["vault.recipients"]
    later = town.faults(vault={"rotation": rotation(NEW_YEAR, recipients=[[kind, NEXT]])})
    assert "one kind" in later["vault.rotation[0].recipients"]


@pytest.mark.parametrize(("view", "fps"), [("narrow", 11.9), ("narrow", 6), ("wide", 5.9), ("wide", 0), ("wide", -25)])
def test_fewer_pictures_than_the_law_asks(view: str, fps: float, town: Town) -> None:
    assert set(town.faults(camera=[camera(view=view, fps=fps)])) == {"camera[0].fps"}


@pytest.mark.parametrize(("view", "fps"), [("narrow", 12), ("wide", 6)])
def test_just_the_pictures_that_the_law_asks(view: str, fps: float, town: Town) -> None:
    assert town.load(camera=[camera(view=view, fps=fps)]).camera[0].fps == fps


@pytest.mark.parametrize("fps", [60.1, float("nan"), float("inf"), "25", True])
def test_a_rate_that_is_none(fps: object, town: Town) -> None:
    assert set(town.faults(camera=[camera(fps=fps)])) == {"camera[0].fps"}


@pytest.mark.parametrize("signed", [..., "", "  ", "\t"])
def test_a_camera_without_masks_that_nobody_signed_off(signed: object, town: Town) -> None:
    assert "camera[0].mask" in town.faults(camera=[camera(mask=..., no_private_area=signed)])
    assert "camera[0].mask" in town.faults(camera=[camera(mask=[], no_private_area=signed)])


def test_two_cameras_of_one_name(town: Town) -> None:
    assert "parvis-fixed" in town.faults(camera=[camera(), camera(source="v4l2:/dev/video0")])["camera"]


def test_no_camera_at_all(town: Town) -> None:
    assert set(town.faults(camera=[])) == {"camera"}
    assert set(town.faults(camera=...)) == {"camera"}
    assert set(town.faults(camera={"id": "a"})) == {"camera"}


@pytest.mark.parametrize(
    "source",
    [
        "",
        "http://10.0.0.10/",
        "rtsp://",
        "rtsp:///path",
        "rtsp://host:0/",
        "rtsp://host:99999/",
        "rtsp://ho st/",
        "rtsp://host/a b",
        "rtsp://[::1/",
        "10.0.0.10",
        "v4l2:video0",
        "v4l2:/dev/video0\n",
        "file:",
        "file:/nowhere.mp4",
        "file:/dev/null",
        "file:\x00",
        "file:" + "x" * 5000,
    ],
)
def test_a_source_of_no_known_form(source: str, town: Town) -> None:
    assert set(town.faults(camera=[camera(source=source)])) == {"camera[0].source"}


@pytest.mark.parametrize("kind", ["dome", "Fixed", "", 1])
def test_a_kind_that_is_unknown(kind: object, town: Town) -> None:
    assert set(town.faults(camera=[camera(kind=kind)])) == {"camera[0].kind"}


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x1b[31m", "x" * 61])
def test_a_name_that_cannot_be_drawn(name: str, town: Town) -> None:
    assert set(town.faults(camera=[camera(name=name)])) == {"camera[0].name"}


UNKNOWN = {
    "mast": {"x": 1},
    "vault": {"x": 1},
    "access": {"x": 1},
    "http": {"x": 1},
    "live": {"x": 1},
    "mqtt": {"x": 1},
}


@pytest.mark.parametrize("table", UNKNOWN)
def test_an_unknown_key_is_a_fault_and_never_ignored(table: str, town: Town) -> None:
    assert set(town.faults(**{table: UNKNOWN[table]})) == {f"{table}.x"}


def test_unknown_keys_outside_and_deep_inside(town: Town) -> None:
    assert set(town.faults(extra={}, sha256="0", camera=[camera(mask=[{"name": "m", "polygon": SQUARE, "x": 1}])])) == {
        "extra",
        "sha256",
        "camera[0].mask[0].x",
    }


def test_an_unknown_key_with_line_breaks_stays_on_its_line(town: Town) -> None:
    assert len(town.faults(mast={"a\nb: c\x1b[31m": 1, "x" * 9999: 1})) == 2


def test_a_table_that_is_none(town: Town) -> None:
    for table in ("mast", "vault", "access", "http", "live", "mqtt"):
        assert set(town.faults(**{table: 5})) == {table}


@pytest.mark.parametrize("state", ["", "/", ".", "authority.pub", "authority.pub/below", "a\x00b", 5])
def test_a_state_directory_that_cannot_be_one(state: object, town: Town) -> None:
    assert set(town.faults(mast={"state": state})) == {"mast.state"}


# --- keys ---


def test_a_requisition_threshold_that_cannot_be_reached(town: Town) -> None:
    assert set(town.faults(access={"requisition_threshold": 2})) == {"access.requisition_threshold"}
    both = ["judicial.pub", "second.pub"]
    assert town.load(access={"requisition_threshold": 2, "requisition_authorities": both})
    assert set(town.faults(access={"requisition_threshold": 2, "requisition_authorities": []})) == {
        "access.requisition_threshold"
    }


def test_one_authority_counted_twice_or_for_both_ends(town: Town) -> None:
    twice = ["judicial.pub", "judicial.pub"]
    assert "access.requisition_authorities" in town.faults(access={"requisition_authorities": twice})
    assert set(town.faults(access={"requisition_authorities": ["authority.pub"]})) == {"access.requisition_authorities"}


def test_key_files_that_hold_something_else(town: Town) -> None:
    (town.folder / "empty.pub").write_bytes(b"")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed448", "-out", town.folder / "448"], check=True)
    subprocess.run(
        ["openssl", "pkey", "-in", town.folder / "448", "-pubout", "-out", town.folder / "448.pub"], check=True
    )
    told = town.faults(access={"authorities": ["empty.pub", "448.pub", "camera.pass", ".", "nowhere.pub"]})
    assert set(told) == {f"access.authorities[{i}]" for i in range(5)}


@pytest.mark.parametrize("content", [b"", b"\n" + SECRET.encode(), b"\xff\xfe"])
def test_a_password_file_without_a_password(content: bytes, town: Town) -> None:
    (town.folder / "bad.pass").write_bytes(content)
    assert set(town.faults(camera=[camera(password_file="bad.pass")])) == {"camera[0].password_file"}


# --- the network ---


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_loopback_needs_no_certificate(host: str, town: Town) -> None:
    assert town.load(http={"listen": f"{host}:8443"})


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.1", "mast.example", "[::ffff:10.0.0.1]", "localhost.evil"])
def test_listening_beyond_loopback_without_tls(host: str, town: Town) -> None:
    assert set(town.faults(http={"listen": f"{host}:8443"})) == {"http.private_key"}


@pytest.mark.parametrize(
    "listen",
    ["", "8443", ":8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "http://a:1", 1],
)
def test_a_listener_that_is_no_address(listen: object, town: Town) -> None:
    assert set(town.faults(http={"listen": listen})) == {"http.listen"}


def test_listening_beyond_loopback_with_its_own_certificate(town: Town) -> None:
    pair = make_pair(town.folder)
    assert town.load(http={"listen": "0.0.0.0:8443", **pair}).http.certificate == town.folder / pair["certificate"]
    assert set(town.faults(http={"listen": "0.0.0.0:8443", **pair, "private_key": "authority.key"})) == {
        "http.private_key"
    }
    for half in pair:
        assert "http.private_key" in town.faults(http={half: pair[half]})
    assert "http.certificate" in town.faults(http={**pair, "certificate": "authority.pub"})


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "csu.example",
        "https://csu.example/",
        "https://csu.example/x",
        "ftp://a",
        "https://",
        "https://a?b",
        "",
    ],
)
def test_an_origin_that_is_none(origin: str, town: Town) -> None:
    assert set(town.faults(http={"origins": ["https://csu.example:444", origin]})) == {"http.origins[1]"}


@pytest.mark.parametrize("host", ["csu.example", "10.0.0.1", "[fd00::1]", "0.0.0.0"])
def test_plain_mqtt_beyond_loopback(host: str, town: Town) -> None:
    assert set(town.faults(mqtt={"url": f"mqtt://{host}:1883"})) == {"mqtt.allow_plain"}
    assert town.load(mqtt={"url": f"mqtt://{host}:1883", "allow_plain": True}).mqtt


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_mqtt_to_loopback(host: str, town: Town) -> None:
    mqtt = town.load(mqtt={"url": f"mqtt://{host}"}).mqtt
    assert mqtt is not None
    assert (mqtt.port, mqtt.tls) == (1883, False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "csu.example",
        "http://csu.example",
        "mqtts://",
        "mqtts://h:0",
        "mqtts://h:x",
        "mqtts://h/topic",
        "mqtts://h?a=b",
        1,
    ],
)
def test_a_broker_url_that_is_none(url: object, town: Town) -> None:
    assert "mqtt.url" in town.faults(mqtt={"url": url})


def test_a_url_fault_hides_no_other_fault_of_its_table(town: Town) -> None:
    told = town.faults(mqtt={"url": "mqtts://u:p@h", "certificate": "nowhere.pem", "username": 5, "x": 1})
    assert set(told) == {"mqtt.url", "mqtt.certificate", "mqtt.username", "mqtt.x"}


def test_a_client_certificate_without_its_key(town: Town) -> None:
    pair = make_pair(town.folder)
    assert town.load(mqtt=pair)
    assert set(town.faults(mqtt={"certificate": pair["certificate"]})) == {"mqtt.private_key"}


@pytest.mark.parametrize(
    "url", ["stun:csu.example:3478", "turns:csu.example?transport=tcp", "turn:10.0.0.1", "stun:[::1]:1"]
)
def test_ice_servers(url: str, town: Town) -> None:
    assert town.load(live={"ice_servers": [{"urls": [url]}]}).live.ice_servers[0].urls == (url,)


@pytest.mark.parametrize("url", ["http://a", "stun:", "stun:a:x", "turn:u@h", "turn:h?transport=x", "stun:a b", ""])
def test_an_ice_server_that_is_none(url: str, town: Town) -> None:
    assert set(town.faults(live={"ice_servers": [{"urls": [url]}]})) == {"live.ice_servers[0].urls[0]"}


# --- masks ---


@pytest.mark.parametrize(
    "polygon",
    [
        [],
        [[0, 0], [1, 1]],
        [[0, 0], [1, 1], [1, 0], [0, 1]],
        [[2, 2], [3, 2], [3, 3]],
        [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]],
        [[0.1, float("nan")], [0.2, 0.1], [0.3, 0.3]],
        [[0.1, float("inf")], [0.2, 0.1], [0.3, 0.3]],
        [[0.1, 0.1], [100, 0.1], [100, 100]],
        "square",
    ],
)
def test_a_mask_that_would_hide_nothing(polygon: object, town: Town) -> None:
    assert set(town.faults(camera=[camera(mask=[{"name": "m", "polygon": polygon}])])) == {"camera[0].mask[0].polygon"}


def test_a_point_of_one_or_three_numbers_or_of_text(town: Town) -> None:
    polygon = [[0.1], [0.2, 0.1, 5], ["0.3", 0.3], [True, 0.1]]
    told = town.faults(camera=[camera(mask=[{"name": "m", "polygon": polygon}])])
    assert {key[: len("camera[0].mask[0].polygon[0]")] for key in told} == {
        f"camera[0].mask[0].polygon[{i}]" for i in range(4)
    }


def test_a_mask_partly_outside_the_picture_is_good(town: Town) -> None:
    polygon = [[-0.5, -0.5], [0.5, -0.5], [0.5, 1.5], [-0.5, 1.5]]
    assert len(town.load(camera=[camera(mask=[{"name": "m", "polygon": polygon}])]).camera[0].mask[0].polygon) == 4


def test_a_polygon_closed_by_its_first_point_loads_without_the_repetition(town: Town) -> None:
    found = town.load(camera=[camera(mask=[{"name": "m", "polygon": [*SQUARE, SQUARE[0]]}])])
    assert len(found.camera[0].mask[0].polygon) == 4


def test_a_style_that_is_unknown(town: Town) -> None:
    told = town.faults(camera=[camera(mask=[{"name": "m", "polygon": SQUARE, "style": "blur"}])])
    assert set(told) == {"camera[0].mask[0].style"}


# --- files that are no configuration ---


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"[mast",
        b"a = ",
        b"a = 1\na = 2",
        b"\x00",
        b"a = " + b"[" * 5000,
        b"a = " + b"9" * 5000,
        b"x" * (1 << 20),
    ],
    ids=range(8),
)
def test_bytes_that_are_no_toml(content: bytes, town: Town) -> None:
    town.path.write_bytes(content)
    assert set(read_faults(town.path)) == {"-"}


def test_an_empty_file_names_each_table_that_is_missing(town: Town) -> None:
    town.path.write_bytes(b"")
    assert set(read_faults(town.path)) == {"mast", "vault", "access", "camera"}


def test_a_file_of_gigabytes_is_not_read(town: Town) -> None:
    with town.path.open("wb") as file:
        file.truncate(8 << 30)
    assert set(read_faults(town.path)) == {"-"}


def test_a_path_that_is_missing_or_a_folder_or_impossible(town: Town) -> None:
    assert set(read_faults(town.folder / "nowhere.toml")) == {"-"}
    assert set(read_faults(town.folder)) == {"-"}
    with pytest.raises(ConfigurationError):
        load(Path("a\x00b"))


# --- turning heads, lenses and masks in the world ---

FACADE = [[10, -4], [18, -3], [18, -12], [10, -13]]
TABLE = {"zoom": [0.0, 0.5, 1.0], "hfov_deg": [60.0, 13.4, 3.0]}


def ptz(**changes: Any) -> dict[str, Any]:
    """A good turning camera with one mask; a change to `...` leaves the key out."""
    good = {
        "kind": "ptz",
        "onvif": {"url": "http://10.0.0.11/onvif/device_service", "username": "vigie", "password_file": "camera.pass"},
        "lens": TABLE,
        "mask": [{"name": "facade", "world_deg": FACADE}],
    }
    return camera(**{**good, **changes})


def panorama(lens: Any, **changes: Any) -> dict[str, Any]:
    """A good panoramic camera with one mask in the world."""
    return camera(**{"kind": "panoramic", "lens": lens, "mask": [{"name": "f", "world_deg": FACADE}], **changes})


EQUIRECTANGULAR = {"model": "equirectangular", "pan_deg": [-180, 180], "tilt_deg": [-90, 90]}
CYLINDRICAL = {"model": "cylindrical", "pan_deg": [-90, 90], "tilt_deg": [-30, 20]}
FISHEYE = {"model": "fisheye", "radius": 0.28, "fov_deg": 185, "pan_deg": 0, "tilt_deg": -90}


def test_a_ptz_camera_of_the_contract_loads_with_its_defaults(town: Town) -> None:
    found = town.load(camera=[ptz()]).camera[0]
    assert found.ptz is not None
    assert (found.ptz.pan_deg, found.ptz.tilt_deg) == ((-180, 180), (-90, 90))
    assert (found.ptz.pan_speed_deg_s, found.ptz.tilt_speed_deg_s, found.ptz.zoom_speed_per_s) == (120, 60, 0.5)
    assert (found.ptz.pose_age_ms, found.ptz.video_age_ms, found.ptz.hold_ms) == (200, 300, 300)
    assert (found.ptz.home, found.ptz.idle_return_s, found.ptz.patrol) == ("", 0, ())
    assert found.lens is not None
    assert found.lens.calibration_error_deg == 0.3
    assert found.onvif is not None
    assert found.onvif.password().get_secret_value() == SECRET
    assert found.mask[0].world_deg == tuple(map(tuple, FACADE))
    assert found.mask[0].polygon == ()
    assert SECRET not in repr(found) + found.model_dump_json()


def test_a_ptz_camera_with_limits_home_and_patrols(town: Town) -> None:
    patrols = [
        {"name": "nuit", "presets": ["porte", "parking"], "dwell_s": 20},
        {"name": "jour", "poses": [{"pan_deg": 10, "tilt_deg": -5}, {"pan_deg": 90, "tilt_deg": 0, "dwell_s": 5}]},
    ]
    table = {"home": "parvis", "idle_return_s": 60, "limits_deg": {"pan": [-100, 100]}, "patrol": patrols}
    found = town.load(camera=[ptz(ptz={**table, "idle_patrol": "nuit"})]).camera[0].ptz
    assert found is not None
    assert found.reach() == ((-100, 100), (-90, 90))
    assert [one.dwell_s for one in found.patrol] == [20, 10]
    assert [one.dwell_s for one in found.patrol[1].poses] == [None, 5]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"onvif": ...}, "onvif"),
        ({"onvif": {"url": "10.0.0.11"}}, "onvif.url"),
        ({"onvif": {"url": "rtsp://10.0.0.11/"}}, "onvif.url"),
        ({"onvif": {"url": f"http://admin:{SECRET}@10.0.0.11/"}}, "onvif.url"),
        ({"onvif": {"url": "http://10.0.0.11/", "password_file": "nowhere"}}, "onvif.password_file"),
        ({"onvif": {"url": "https://10.0.0.11/", "ca_file": "authority.pub"}}, "onvif.ca_file"),
        ({"onvif": {}}, "onvif.url"),
        ({"lens": ...}, "lens"),
        ({"lens": {**TABLE, "zoom": [0.0, 0.5, 0.5]}}, "lens.zoom"),
        ({"lens": {**TABLE, "zoom": [0.0, 0.5, 1.5]}}, "lens.zoom"),
        ({"lens": {**TABLE, "zoom": [0.0, float("nan"), 1.0]}}, "lens.zoom"),
        ({"lens": {"zoom": [0.0], "hfov_deg": [60.0]}}, "lens.zoom"),
        ({"lens": {**TABLE, "hfov_deg": [60.0, 60.0, 3.0]}}, "lens.hfov_deg"),
        ({"lens": {**TABLE, "hfov_deg": [3.0, 13.4, 60.0]}}, "lens.hfov_deg"),
        ({"lens": {**TABLE, "hfov_deg": [60.0, 3.0]}}, "lens.hfov_deg"),
        ({"lens": {**TABLE, "hfov_deg": [180.0, 60.0, 3.0]}}, "lens.hfov_deg"),
        ({"lens": {**TABLE, "hfov_deg": [60.0, 13.0, 0.0]}}, "lens.hfov_deg"),
        ({"lens": {**TABLE, "calibration_error_deg": -0.1}}, "lens.calibration_error_deg"),
        ({"lens": {**TABLE, "calibration_error_deg": float("nan")}}, "lens.calibration_error_deg"),
        ({"lens": FISHEYE}, "lens.zoom"),
        ({"lens": 5}, "lens"),
        ({"ptz": {"pan_deg": [180, -180]}}, "ptz.pan_deg"),
        ({"ptz": {"tilt_deg": [-100, 90]}}, "ptz.tilt_deg"),
        ({"ptz": {"tilt_deg": [float("nan"), 90]}}, "ptz.tilt_deg"),
        ({"ptz": {"limits_deg": {"pan": [20, -20]}}}, "ptz.limits_deg.pan"),
        ({"ptz": {"tilt_deg": [-90, 20], "limits_deg": {"tilt": [-30, 30]}}}, "ptz.limits_deg"),
        ({"ptz": {"hold_ms": 501}}, "ptz.hold_ms"),
        ({"ptz": {"hold_ms": -1}}, "ptz.hold_ms"),
        ({"ptz": {"pose_age_ms": -1}}, "ptz.pose_age_ms"),
        ({"ptz": {"pan_speed_deg_s": 0}}, "ptz.pan_speed_deg_s"),
        ({"ptz": {"idle_return_s": -1}}, "ptz.idle_return_s"),
        ({"ptz": {"patrol": [{"name": "p"}]}}, "ptz.patrol[0].poses"),
        (
            {"ptz": {"patrol": [{"name": "p", "presets": ["a"], "poses": [{"pan_deg": 0, "tilt_deg": 0}]}]}},
            "ptz.patrol[0].poses",
        ),
        ({"ptz": {"patrol": [{"name": "p", "presets": ["a"], "dwell_s": 0}]}}, "ptz.patrol[0].dwell_s"),
        ({"ptz": {"patrol": [{"name": "p", "presets": ["a"]}] * 2}}, "ptz.patrol"),
        (
            {
                "ptz": {
                    "limits_deg": {"pan": [0, 9]},
                    "patrol": [{"name": "p", "poses": [{"pan_deg": 10, "tilt_deg": 0}]}],
                }
            },
            "ptz.patrol[0].poses[0]",
        ),
        ({"ptz": {"idle_patrol": "p"}}, "ptz.idle_patrol"),
        ({"mask": [{"name": "m", "polygon": SQUARE}]}, "mask[0].polygon"),
        ({"mask": [{"name": "m", "world_deg": FACADE, "polygon": SQUARE}]}, "mask[0].polygon"),
        ({"mask": [{"name": "m"}]}, "mask[0].polygon"),
        (
            {"ptz": {"tilt_deg": [-90, 10]}, "mask": [{"name": "m", "world_deg": [[0, 60], [5, 60], [5, 65]]}]},
            "mask[0].world_deg",
        ),
        ({"kind": "fixed", "lens": ..., "onvif": ...}, "mask[0].world_deg"),
        ({"kind": "fixed", "onvif": ..., "mask": [{"name": "m", "polygon": SQUARE}]}, "lens"),
        ({"kind": "fixed", "lens": ..., "mask": [{"name": "m", "polygon": SQUARE}]}, "onvif"),
        ({"kind": "fixed", "lens": ..., "onvif": ..., "ptz": {}, "mask": [{"name": "m", "polygon": SQUARE}]}, "ptz"),
    ],
)
def test_a_turning_camera_with_one_fault(change: dict[str, Any], key: str, town: Town) -> None:
    told = town.faults(camera=[ptz(**change)])
    assert f"camera[0].{key}" in told
    assert all(one.startswith(f"camera[0].{key.partition('.')[0]}") for one in told)
    assert SECRET not in str(told)


@pytest.mark.parametrize(
    "polygon",
    [
        [],
        [[0, 0], [1, 1]],
        [[0, 0], [10, 0], [5, 0]],
        [[0, -90], [90, -90], [180, -90]],
        [[10, -4], [18, -12], [18, -3], [10, -13]],
        [[0, 0], [10, 0], [10, 10], [0, 0], [-10, -10]],
        [[0, 91], [1, 1], [2, 2]],
        [[0, float("nan")], [1, 1], [2, 2]],
        [[400, 0], [401, 0], [401, 5]],
        [[pan, 0] for pan in range(0, 360, 30)],
        [[0, 0], [180, 0], [90, 10]],
        [[0, 0], [0.001, 0], [0.001, 0.001]],
        "facade",
    ],
)
def test_a_world_polygon_that_is_no_place(polygon: object, town: Town) -> None:
    assert set(town.faults(camera=[ptz(mask=[{"name": "m", "world_deg": polygon}])])) == {"camera[0].mask[0].world_deg"}


@pytest.mark.parametrize("lens", [EQUIRECTANGULAR, CYLINDRICAL, FISHEYE], ids=lambda lens: lens["model"])
def test_a_panoramic_camera_with_masks_in_the_world(lens: dict[str, Any], town: Town) -> None:
    found = town.load(camera=[panorama(lens)]).camera[0]
    assert found.lens is not None
    assert found.mask[0].world_deg


@pytest.mark.parametrize(
    ("lens", "key"),
    [
        (..., "mask[0].world_deg"),
        ({}, "lens"),
        (TABLE, "lens"),
        ({"model": "mercator"}, "lens"),
        ({"model": "fisheye"}, "lens.radius"),
        ({**FISHEYE, "fov_deg": 0}, "lens.fov_deg"),
        ({**FISHEYE, "centre": [500, 500]}, "lens.centre"),
        ({**EQUIRECTANGULAR, "pan_deg": [180, -180]}, "lens.pan_deg"),
        ({**EQUIRECTANGULAR, "pan_deg": [-190, 180]}, "lens.pan_deg"),
        ({**EQUIRECTANGULAR, "tilt_deg": [90, -90]}, "lens.tilt_deg"),
        ({**CYLINDRICAL, "tilt_deg": [-90, 20]}, "lens.tilt_deg"),
    ],
)
def test_a_panoramic_camera_without_calibration(lens: Any, key: str, town: Town) -> None:
    told = town.faults(camera=[panorama(lens)])
    assert f"camera[0].{key}" in told
    assert all(one.startswith(f"camera[0].{key.partition('.')[0]}") for one in told)
