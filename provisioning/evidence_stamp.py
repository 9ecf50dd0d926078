"""Whether a pack's time-stamp (RFC 3161) is one: of its manifest, for its query, by a trusted service. Pure."""

from collections.abc import Iterator
from hashlib import sha256

from agent.clock import rfc3339
from agent.errors import StampRefused
from agent.evidence import names
from agent.language import say
from agent.timestamping.stamps import nonce_of, verify
from provisioning.evidence_verdict import Contents, Line, Trust, line, word


def about_timestamp(contents: Contents, trust: Trust) -> Iterator[Line]:
    """Nothing where there is none and none was asked about."""
    query, answer = contents.small.get(names.QUERY), contents.small.get(names.STAMP)
    if query is None and answer is None:
        if trust.timestamp:
            yield line("note", "timestamp", en="there is none in this pack", fr="ce paquet n'en a pas")
        return
    if not trust.timestamp:
        yield line(
            "note",
            "timestamp",
            en="there is one; it was not checked, give --timestamp-ca",
            fr="présent ; non vérifié, donner --timestamp-ca",
        )
        return
    digest = sha256(contents.small[names.MANIFEST]).digest()
    nonce = nonce_of(query or b"", digest)
    if nonce is None or answer is None:
        yield line(
            "bad",
            "timestamp",
            en="timestamp/query.tsq does not ask about this manifest, or the answer is missing",
            fr="timestamp/query.tsq ne porte pas sur ce manifeste, ou la réponse manque",
        )
        return
    try:
        at = rfc3339(round(verify(answer, digest, nonce, trust.timestamp).at.timestamp() * 1000))
    except StampRefused as error:
        yield Line("bad", word("timestamp"), str(error))
        return
    yield Line(
        "good",
        word("timestamp"),
        say(
            en=f"the manifest was there at {at}, says the service that --timestamp-ca vouches for",
            fr=f"le manifeste existait le {at}, dit le service dont répond --timestamp-ca",
        ),
    )
