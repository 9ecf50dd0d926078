"""A split vault identity: any two of three open it, one alone does not, and whatever is wrong with a share is told."""

import hashlib
import os
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import KeyFileError, UsageError
from provisioning.cli import main
from provisioning.shares import Split, combine, parse_split, read_share, split_identity
from tests.provisioning.speaking import in_both_languages
from tests.provisioning.test_cli import provision

NAMES = ("vault-share-1.key", "vault-share-2.key", "vault-share-3.key")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town whose vault identity is split, two of three."""
    folder = tmp_path_factory.mktemp("town") / "keys"
    done = provision("keys", "init", "--out", folder, "--split", "2of3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "AGE-SECRET-KEY" not in done.stdout
    return folder


def vault(keys: Path) -> str:
    """The recipient that the masts seal for."""
    return (keys / "vault.pub").read_text().strip()


def sealed_line(keys: Path) -> list[str]:
    """The secret line of each share."""
    texts = [(keys / name).read_text() for name in NAMES]
    return [next(line for line in text.splitlines() if line.startswith("AGE-")) for text in texts]


def put_together(out: Path, *shares: Path) -> int:
    """The exit status of `keys combine`."""
    return main(["keys", "combine", "--share", *map(str, shares), "--out", str(out)])


def age(*arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Stock age."""
    return subprocess.run(["age", *arguments], input=given, capture_output=True, check=False)


def refused(*shares: Path) -> str:
    """Why the shares do not open the vault."""
    with pytest.raises(KeyFileError) as caught:
        combine([read_share(path) for path in shares])
    assert "AGE-SECRET-KEY-1Q" not in str(caught.value)
    return str(caught.value)


def test_the_whole_identity_is_nowhere_and_the_shares_are_for_their_owner_only(keys: Path) -> None:
    assert not (keys / "vault.key").exists()
    assert {path.name for path in keys.iterdir()} == {
        *("authority.key", "authority.pub", "judicial.key", "judicial.pub", "vault.pub"),
        *NAMES,
    }
    assert {(keys / name).stat().st_mode & 0o777 for name in NAMES} == {0o600}
    assert len(set(sealed_line(keys))) == 3


@pytest.mark.parametrize("pair", [*combinations(NAMES, 2), ("vault-share-3.key", "vault-share-1.key"), NAMES])
def test_every_pair_gives_the_key_that_opens_footage_with_stock_age(
    pair: tuple[str, ...], keys: Path, tmp_path: Path
) -> None:
    footage = age("-r", vault(keys), given=b"footage" * 1000).stdout
    out = tmp_path / "vault.key"
    assert put_together(out, *(keys / name for name in pair)) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert age("-d", "-i", out, given=footage).stdout == b"footage" * 1000
    derived = subprocess.run(["age-keygen", "-y", out], capture_output=True, text=True, check=True)
    assert derived.stdout.strip() == vault(keys)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_share_opens_nothing_of_what_it_holds(name: str, keys: Path) -> None:
    share = keys / name
    assert age("-d", "-i", share, given=age("-r", vault(keys), given=b"footage").stdout).returncode == 1
    assert "1 different share(s) of the 2 needed" in refused(share)
    assert "1 different share(s) of the 2 needed" in refused(share, share)
    text, number = share.read_text(), name[-5]
    for pair in ("1+2", "1+3", "2+3"):
        lines = [line.removeprefix(f"#{pair} ") for line in text.splitlines() if line.startswith(f"#{pair} ")]
        peeled = age("-d", "-i", share, given="\n".join(lines).encode())
        # the first holder of a pair peels one layer, the second none; what is within is no identity yet
        assert (peeled.returncode == 0) == (pair[0] == number)
        assert b"AGE-SECRET-KEY" not in peeled.stdout
        assert age("-d", "-i", share, given=peeled.stdout).returncode == 1


@pytest.mark.parametrize("pair", list(combinations((1, 2, 3), 2)))
def test_the_way_that_a_share_describes_needs_sed_and_age_alone(
    pair: tuple[int, int], keys: Path, tmp_path: Path
) -> None:
    for number in pair:
        shutil.copy(keys / f"vault-share-{number}.key", tmp_path)
    text = (tmp_path / f"vault-share-{pair[0]}.key").read_text()
    command = next(line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   sed"))
    command = command.translate(str.maketrans("12", f"{pair[0]}{pair[1]}"))  # the example is for the first pair
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    derived = subprocess.run(["age-keygen", "-y", tmp_path / "vault.key"], capture_output=True, text=True, check=True)
    assert derived.stdout.strip() == vault(keys)


def test_a_line_typed_from_paper_serves_beside_a_whole_share(keys: Path, tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    typed.write_text(f"\n  {sealed_line(keys)[1]}\n")
    assert put_together(tmp_path / "vault.key", keys / NAMES[2], typed) == 0
    other = tmp_path / "other"
    other.write_text(sealed_line(keys)[0])
    assert "whole" in refused(typed, other)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_character_anywhere_is_told(data: st.DataObject, keys: Path, tmp_path: Path) -> None:
    text = (keys / NAMES[0]).read_bytes()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda one: one != text[at]))
    damaged = tmp_path / "damaged.key"
    damaged.write_bytes(text[:at] + bytes([other]) + text[at + 1 :])
    assert "damaged.key" in refused(damaged, keys / NAMES[1])


def test_a_flipped_character_of_a_line_typed_from_paper_is_told(keys: Path, tmp_path: Path) -> None:
    line, typed = sealed_line(keys)[1], tmp_path / "typed"
    for at in range(len("AGE-SECRET-KEY-1"), len(line)):
        typed.write_text(line[:at] + ("P" if line[at] == "Q" else "Q") + line[at + 1 :])
        assert "typed" in refused(typed, keys / NAMES[0])


@pytest.mark.parametrize("keep", [0, 1, 200, 1000, -1, -70])
def test_a_share_that_was_cut_short(keep: int, keys: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.key"
    cut.write_bytes((keys / NAMES[0]).read_bytes()[:keep])
    assert "cut.key" in refused(cut, keys / NAMES[1])


def test_shares_of_two_towns_are_told_apart(keys: Path, tmp_path: Path) -> None:
    assert main(["keys", "init", "--out", str(tmp_path / "other"), "--split", "2of3"]) == 0
    assert "different splits" in refused(keys / NAMES[0], tmp_path / "other" / NAMES[1])
    typed = tmp_path / "typed"
    typed.write_text(sealed_line(tmp_path / "other")[1])
    assert "do not belong together" in refused(keys / NAMES[0], typed)


def test_shares_of_two_splits_of_one_identity_are_told_apart(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    text = f"{identity}\n".encode()
    for which in ("a", "b"):
        for number, content in enumerate(split_identity(text, str(identity.to_public()), Split(2, 3))):
            (tmp_path / f"{which}{number}").write_bytes(content)
    assert combine([read_share(tmp_path / "a0"), read_share(tmp_path / "a2")]) == text
    assert "different splits" in refused(tmp_path / "a0", tmp_path / "b2")


def test_a_share_that_promises_another_vault_than_it_opens(keys: Path, tmp_path: Path) -> None:
    stranger = str(pyrage.x25519.Identity.generate().to_public())
    for name in NAMES[:2]:
        body = (keys / name).read_bytes().replace(vault(keys).encode(), stranger.encode()).rpartition(b"# sha256")[0]
        (tmp_path / name).write_bytes(
            body + f"# sha256 of the lines above: {hashlib.sha256(body).hexdigest()}\n".encode()
        )
    assert "do not belong together" in refused(tmp_path / NAMES[0], tmp_path / NAMES[1])


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xff\xfe", b"# a comment\n", b"AGE-SECRET-KEY-1", b"age1xyz", bytes(9000)]
)
def test_what_is_no_share(content: bytes, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "thing").write_bytes(content)
    assert "thing" in refused(tmp_path / "thing", keys / NAMES[0])


def test_a_whole_vault_key_or_a_missing_file_is_no_share(keys: Path, tmp_path: Path) -> None:
    out = tmp_path / "vault.key"
    assert put_together(out, keys / NAMES[0], keys / NAMES[1]) == 0
    assert "vault.key" in refused(out, keys / NAMES[0])
    assert "none.key" in refused(tmp_path / "none.key", keys / NAMES[0])


def test_nothing_is_written_when_the_shares_do_not_open_and_nothing_is_overwritten(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "vault.key"
    assert put_together(out, keys / NAMES[0]) == 2
    assert not out.exists()
    assert capsys.readouterr().err.startswith("vigie-provision: ")
    out.write_text("precious")
    assert put_together(out, keys / NAMES[0], keys / NAMES[1]) == 2
    assert out.read_text() == "precious"


@pytest.mark.parametrize("split", [Split(2, 2), Split(3, 5), Split(5, 5)], ids=str)
def test_other_splits_keep_their_word(split: Split, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    text = f"{identity}\n".encode()
    paths = [tmp_path / name for name in split.files()]
    for path, content in zip(paths, split_identity(text, str(identity.to_public()), split), strict=True):
        path.write_bytes(content)
    shares = [read_share(path) for path in paths]
    for few in combinations(shares, split.needed - 1):
        with pytest.raises(KeyFileError, match="needed"):
            combine(few)
    assert {combine(enough) for enough in combinations(shares, split.needed)} == {text}


@pytest.mark.parametrize(
    "text", ["", "2", "2of", "1of3", "3of2", "2of6", "0of0", "two of three", "2OF3", "2of3 ", "2/3"]
)
def test_a_split_that_cannot_be(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        parse_split(text)
    assert main(["keys", "init", "--out", str(tmp_path / "keys"), "--split", text]) == 2
    assert not (tmp_path / "keys").exists()


def test_one_share_in_the_way_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / NAMES[2]).write_text("precious")
    assert main(["keys", "init", "--out", str(tmp_path), "--split", "2of3"]) == 2
    assert os.listdir(tmp_path) == [NAMES[2]]


def test_a_vault_identity_to_rotate_to_leaves_the_authorities_alone(tmp_path: Path) -> None:
    assert main(["keys", "init", "--out", str(tmp_path / "keys"), "--vault-only"]) == 0
    assert sorted(os.listdir(tmp_path / "keys")) == ["vault.key", "vault.pub"]


def test_post_quantum_keys_are_refused_with_the_reason_and_nothing_is_written(tmp_path: Path) -> None:
    done = provision("keys", "init", "--out", tmp_path / "keys", "--post-quantum")
    assert done.returncode == 2
    assert "age1pq1" in done.stderr
    assert not (tmp_path / "keys").exists()
    # the day this fails, pyrage has learned it: `--post-quantum` can be made
    assert not [name for name in dir(pyrage) if hasattr(getattr(pyrage, name), "Identity") and "pq" in name]


@pytest.mark.parametrize("arguments", [["--help"], [], ["--share", "x"]])
def test_help_and_bad_usage_of_combine(arguments: list[str]) -> None:
    english, french = in_both_languages("keys", "combine", *arguments)
    assert english.returncode == french.returncode == (0 if arguments == ["--help"] else 2)
    assert (english.stdout + english.stderr) != (french.stdout + french.stderr)
    assert "Traceback" not in english.stderr + french.stderr
