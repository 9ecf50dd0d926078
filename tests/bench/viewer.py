"""Viewers in a process of their own: `python -m tests.bench.viewer URL CAMERA COUNT`, the grant on standard input.

They connect over WHEP with aiortc, decrypt each packet and count it, and decode nothing: what is measured is the
agent, and a decoder for each viewer would take the machine away from it. Prints one JSON line when all of them receive,
and one for each further line of input: packets, bytes and pictures (packets with the RTP marker) of each so far.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcdtlstransport import RTCDtlsTransport


@dataclass
class Received:
    """One viewer's count."""

    packets: int = 0
    bytes: int = 0
    pictures: int = 0


counts: dict[RTCDtlsTransport, Received] = {}
wanted = int(sys.argv[3])
all_receive = asyncio.Event()


async def _count(self: RTCDtlsTransport, data: bytes, arrival_time_ms: int) -> None:
    """Takes the place of aiortc's path from the decrypted packet to the decoder."""
    received = counts.setdefault(self, Received())
    received.packets += 1
    received.bytes += len(data)
    received.pictures += data[1] >> 7
    if not all_receive.is_set() and sum(one.pictures > 0 for one in counts.values()) == wanted:
        all_receive.set()


async def _watch(web: aiohttp.ClientSession, url: str, grant: str) -> RTCPeerConnection:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Authorization": f"Bearer {grant}", "Content-Type": "application/sdp"}
    async with web.post(url, data=connection.localDescription.sdp, headers=headers) as answer:
        text = await answer.text()
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {text}")
    await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
    return connection


async def main(base: str, camera: str) -> None:
    """Watches until standard input ends."""
    setattr(RTCDtlsTransport, "_handle_rtp_data", _count)  # noqa: B010  (mypy refuses the assignment)
    grant = (await asyncio.to_thread(sys.stdin.readline)).strip()
    async with aiohttp.ClientSession() as web:
        connections = [await _watch(web, f"{base}/whep/{camera}", grant) for _ in range(wanted)]
        async with asyncio.timeout(30):
            await all_receive.wait()
        print(json.dumps({"viewers": len(counts)}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps([asdict(received) for received in counts.values()]), flush=True)
        await asyncio.gather(*(connection.close() for connection in connections))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
