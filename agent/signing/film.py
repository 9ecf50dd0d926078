"""Judges the signatures in the pictures of one film: what `evidence check-signatures` says, and who opens a pack calls.

    verdict = judge_film(Path("x.mp4"), device_public_key)       # or its bytes
    verdict.word, verdict.verified_to                            # "up-to", 89

Judged is what is in the stream. What the container says, above all its times and edit lists, no signature covers.
"""

from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.signing.certificates import issued_by
from agent.signing.check import Judge
from agent.signing.footage import Footage
from agent.signing.verdict import Verdict


def judge_film(film: Path | bytes, device: Ed25519PublicKey | None, following: Path | bytes | None = None) -> Verdict:
    """Judges decrypted footage against a mast's device key (None: nobody vouches); UsageError when it cannot be read.

    `following`: the recording's next segment, which holds the signature of the film's last pictures.
    """
    vouches = None if device is None else partial(issued_by, device=device)
    with Footage(film) as footage:
        judge = Judge(vouches, footage.header)
        for nals in footage.pictures():
            judge.take(nals)
    if following is not None:
        judge.end_film()
        with Footage(following) as after:
            for nals in after.pictures():
                judge.take(nals)
    return Verdict(judge.report(), footage.others)
