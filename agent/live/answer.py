"""SDP that is ours: the offer as the WebRTC library gets to see it, and the answer as the viewer gets it. Pure.

ours = canonical(offer)              # one video section, written here: all that the library ever parses
answer = whole_answer(offer, theirs) # the library's answer to `ours`, with the other sections rejected in place
"""

from agent.live.sdp import Offer


def canonical(offer: Offer) -> str:
    """An offer of one video section that says what `offer` says, in words of this house.

    No header extension is offered: each costs CPU on every packet and none is needed for one stream.
    """
    payload, rtx = offer.payload_type, offer.rtx
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {offer.mid}",
        f"m=video 9 UDP/TLS/RTP/SAVPF {payload}" + (f" {rtx}" if rtx else ""),
        "c=IN IP4 0.0.0.0",
        "a=recvonly",
        f"a=mid:{offer.mid}",
        "a=rtcp-mux",
        f"a=rtpmap:{payload} H264/90000",
        f"a=rtcp-fb:{payload} nack",
        f"a=rtcp-fb:{payload} nack pli",
        f"a=fmtp:{payload} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={offer.profile}",
    ]
    if rtx:
        lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={payload}"]
    lines += [
        f"a=candidate:{one.foundation} 1 udp {one.priority} {one.address} {one.port} typ {one.kind}"
        for one in offer.candidates
    ]
    lines += [f"a=ice-ufrag:{offer.ufrag}", f"a=ice-pwd:{offer.password}"]
    lines += [f"a=fingerprint:{name} {value}" for name, value in offer.fingerprints]
    return "\r\n".join([*lines, f"a=setup:{offer.setup}", ""])


def whole_answer(offer: Offer, answer: str) -> str:
    """The answer to what was really offered: the video section of `answer`, every other section rejected in place."""
    session, _, video = answer.partition("m=")
    whole = [session.rstrip("\r\n")]
    for index, section in enumerate(offer.sections):
        if index == offer.video:
            whole.append("m=" + video.rstrip("\r\n"))
            continue
        whole += [
            f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}",
            "c=IN IP4 0.0.0.0",
            "a=inactive",
        ]
        if section.mid:
            whole.append(f"a=mid:{section.mid}")
    return "\r\n".join([*whole, ""])
