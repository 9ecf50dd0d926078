from aiortc import RTCPeerConnection, RTCSessionDescription

from agent.live.answer import canonical, whole_answer
from agent.live.sdp import read_offer
from tests.live.test_sdp import offer


async def test_the_answer_rejects_what_is_not_sent_and_keeps_the_order() -> None:
    found = read_offer(offer(extra=("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2")))
    peer = RTCPeerConnection()
    await peer.setRemoteDescription(RTCSessionDescription(canonical(found), "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    answer = whole_answer(found, peer.localDescription.sdp).splitlines()
    await peer.close()
    media = [line for line in answer if line.startswith("m=")]
    assert media[0] == "m=audio 0 UDP/TLS/RTP/SAVPF 111"
    assert media[1].startswith("m=video ")
    assert not media[1].startswith("m=video 0 ")
    assert media[2] == "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    assert "a=group:BUNDLE 1" in answer
    assert "a=end-of-candidates" in answer
    assert not any(line.startswith("a=extmap") for line in answer)


def test_what_the_library_parses_is_one_section_that_says_the_same() -> None:
    found = read_offer(offer(extra=("a=candidate:1 1 udp 5 192.0.2.7 50000 typ host", "a=x-evil:1")))
    ours = canonical(found)
    again = read_offer(ours.encode())
    assert ours.count("m=") == 1
    assert "evil" not in ours
    assert (again.ufrag, again.password, again.fingerprints) == (found.ufrag, found.password, found.fingerprints)
    assert (again.payload_type, again.rtx, again.candidates) == (103, 104, found.candidates)
