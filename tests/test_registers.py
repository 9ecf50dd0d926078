"""`[register]` in the configuration: a witness's key that could not be used later is refused by `vigie check`."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.register.notes import Key
from agent.registers import Witness
from agent.verifier_keys import ED25519
from tests.register.rig import DEVICE, WITNESS_KEY, public

GOOD = str(WITNESS_KEY)
NAME, ID, ENCODED = GOOD.split("+", 2)


def given(folder: Path, text: str) -> Witness:
    (folder / "witness.vkey").write_text(text)
    told = {"url": "http://127.0.0.1:1", "public_key": "witness.vkey"}
    return Witness.model_validate(told, context={"folder": folder})


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_witness_s_key_is_taken(tmp_path: Path, end: str) -> None:
    assert Key.parse(given(tmp_path, GOOD + end).verifier()) == WITNESS_KEY


@pytest.mark.parametrize(
    "text",
    [
        f"another.example+{ID}+{ENCODED}",
        f"{NAME}+00000000+{ENCODED}",
        f"a b+{ID}+{ENCODED}",
        f"{NAME}+{ID}",
        f"{NAME}+{ID}+{ENCODED[:-4]}",
        f"{NAME}+{ID}+{ENCODED[:-1]}-",
        str(Key("csu.example/w1", ED25519, public(DEVICE))),
        "",
        GOOD + "x" * 2000,
    ],
    ids=["renamed", "id", "blank", "no key", "short", "letters", "no witness's", "empty", "long"],
)
def test_what_is_no_witness_s_key_is_refused_before_anything_runs(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationError, match="witness"):
        given(tmp_path, text)
