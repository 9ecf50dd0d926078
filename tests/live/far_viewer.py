"""A viewer in a process of its own: its offer goes to standard output, the answer comes on standard input.

python -m tests.live.far_viewer      one JSON line with the offer; then, each second, how many pictures it got
"""

import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError


def say(**words: object) -> None:
    """One JSON line to whoever started this."""
    print(json.dumps(words), flush=True)


async def main() -> None:
    """Plays until the stream or the input ends."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    say(offer=peer.localDescription.sdp)
    answer = json.loads(await asyncio.to_thread(sys.stdin.readline))["answer"]
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    track = peer.getTransceivers()[0].receiver.track
    count = 0
    try:
        while True:
            await track.recv()
            count += 1
            say(pictures=count)
    except MediaStreamError:
        say(ended=True)


if __name__ == "__main__":
    asyncio.run(main())
