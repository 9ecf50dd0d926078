"""The time-stamp of a pack: asked of a real authority, checked by `evidence open`; its want costs no pack."""

import asyncio
import json
import logging
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.x509 import load_pem_x509_certificates

from agent.evidence import names
from agent.network import Timestamp
from agent.timestamping import TimestampService
from agent.timestamping.stamps import nonce_of, request
from provisioning.evidence_checks import check
from provisioning.evidence_verdict import Checked, Trust
from tests.evidence.rig import House
from tests.evidence.test_checks import changed, contents, forged, trust
from tests.evidence.test_document import run, steps
from tests.evidence.test_opening import opened
from tests.needs import needs
from tests.timestamping.tsa import Tsa, served

pytestmark = needs("openssl", "openssl")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    return Tsa(tmp_path_factory.mktemp("tsa"))


def stamped(house: House, tsa: Tsa, to: Path, answer: Callable[[bytes], bytes | web.Response] | None = None) -> Path:
    """A pack of a mast whose `[timestamp]` names a service that answers so."""

    async def export() -> Path:
        async with served(answer or tsa.reply) as url:
            serve(house, tsa, url)
            return await asyncio.to_thread(house.export, to)

    return asyncio.run(export())


def serve(house: House, tsa: Tsa, url: str) -> None:
    service = TimestampService(Timestamp.model_validate({"url": url, "ca_file": tsa.ca}), 5.0)
    house.desk.mast = replace(house.desk.mast, timestamp=service)


def trusting(house: House, tsa: Tsa) -> Trust:
    return replace(trust(house), timestamp=load_pem_x509_certificates(tsa.ca.read_bytes()))


def about(checked: Checked) -> list[str]:
    return [one.status for one in checked.lines if one.what in ("time-stamp", "horodatage")]


def test_a_stamp_of_the_manifest_is_in_the_pack_and_verifies(
    house: House, tsa: Tsa, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = stamped(house, tsa, tmp_path / "stick")
    assert opened(house, pack, tmp_path / "out", "--json", "--timestamp-ca", str(tsa.ca)) == 0
    lines = json.loads(capsys.readouterr().out)["lines"]
    assert [one["status"] for one in lines if one["what"] in ("time-stamp", "horodatage")] == ["good"]
    assert "Time-stamp  : 20" in (pack / "README.txt").read_text()
    assert re.search(r"Horodatage  : ../../20.. ", (pack / "LISEZMOI.txt").read_text())
    assert about(check(contents(pack), trust(house))) == ["note"]
    assert opened(house, pack, tmp_path / "other", "--timestamp-ca", str(pack / "README.txt")) == 2


def test_the_documents_commands_verify_the_stamp(house: House, tsa: Tsa, tmp_path: Path) -> None:
    pack = stamped(house, tsa, tmp_path / "stick")
    step = steps()[3].replace("$TSA_CA", str(tsa.ca))
    assert [run(house, pack, one) for one in (*steps()[:3], step)] == [0, 0, 0, 0]
    stranger = Tsa(tmp_path / "stranger")
    assert run(house, pack, steps()[3].replace("$TSA_CA", str(stranger.ca))) != 0
    manifest = pack / names.MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b"2026", b"2025", 1))
    assert run(house, pack, step) != 0


def test_a_stamp_of_another_manifest_or_authority_is_told(house: House, tsa: Tsa, tmp_path: Path) -> None:
    """Signed by the mast's own key: who holds it can put another stamp in, and makes none that fits."""
    honest = contents(stamped(house, tsa, tmp_path / "stick"))
    raw = honest.small[names.STAMP]
    mine, key = trusting(house, tsa), house.identity.key
    assert about(check(honest, mine)) == ["good"]
    for name, content in {
        names.STAMP: raw[:-1] + bytes([raw[-1] ^ 1]),
        names.QUERY: honest.small[names.QUERY][:-4] + b"\0\1\1\xff",
    }.items():
        assert about(check(forged(honest, key, **{name: content}), mine)) == ["bad"], name
    query = honest.small[names.QUERY]
    for content in (b"", b"0", query[1:], query + b"\0", query[:5] + b"\x31" + query[6:], query[:-1] + b"\0"):
        assert about(check(forged(honest, key, **{names.QUERY: content}), mine)) == ["bad"], content
    digest = sha256(honest.small[names.MANIFEST]).digest()
    nonce = nonce_of(query, digest)
    assert nonce is not None
    other = request(sha256(b"another manifest").digest(), nonce)
    assert about(check(forged(honest, key, **{names.QUERY: other}), mine)) == ["bad"]
    for gone in (names.QUERY, names.STAMP):
        small = {name: content for name, content in honest.small.items() if name != gone}
        assert about(check(replace(honest, small=small), mine)) == ["bad"], gone
    elsewhere = Tsa(tmp_path / "stranger")
    assert about(check(honest, trusting(house, elsewhere))) == ["bad"]
    later = honest.small[names.MANIFEST].replace(b'"site":"Parvis"', b'"site":"Parvie"')
    assert about(check(forged(honest, key, **{names.MANIFEST: later}), mine)) == ["bad"]
    assert not check(changed(honest, **{names.STAMP: raw[:-1]}), mine).good  # the sums have it


@pytest.mark.parametrize("fault", ["refuses", "is away", "lies", "has lost its authority's file"])
def test_a_service_that_gives_no_stamp_costs_no_pack(
    house: House, tsa: Tsa, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.ERROR)
    if fault == "is away":
        serve(house, tsa, "http://127.0.0.1:9/")
        pack = house.export(tmp_path / "stick")
    elif fault == "has lost its authority's file":
        other = Tsa(tmp_path / "tsa")

        def lose(query: bytes) -> bytes:
            other.ca.unlink()
            return tsa.reply(query)

        pack = stamped(house, other, tmp_path / "stick", lose)
    else:
        answers = {"refuses": lambda _: web.Response(status=503), "lies": lambda _: b"0\x03\x02\x01\x00"}
        pack = stamped(house, tsa, tmp_path / "stick", answers[fault])
    assert not (pack / "timestamp").exists()
    assert "Time-stamp  : none" in (pack / "README.txt").read_text()
    assert [record.name for record in caplog.records] == ["agent.evidence.stamping"]
    assert opened(house, pack, tmp_path / "out") == 0
    assert about(check(contents(pack), trusting(house, tsa))) == ["note"]
    assert "segments_exported" in house.kinds()


def test_where_no_service_is_configured_the_pack_says_so(house: House, tmp_path: Path) -> None:
    pack = house.export(tmp_path / "stick")
    assert "Time-stamp  : no service configured" in (pack / "README.txt").read_text()
    assert about(check(contents(pack), trust(house))) == []
    assert subprocess.run(["sha256sum", "--check", "--quiet", names.SUMS], cwd=pack, check=False).returncode == 0
