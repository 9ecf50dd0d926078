"""LISEZMOI.txt and README.txt: what a pack is and how to check it, for people without this program. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from agent.clock import from_rfc3339, rfc3339
from agent.evidence.manifest import Manifest
from agent.evidence.names import LEAFLETS
from agent.paris import shown
from agent.register.words import french as in_french

_FRENCH = """\
PAQUET DE PREUVES - enregistrements de vidéoprotection

Mât         : {mast} ({site}), ville de {town}
Réquisition : {reference} (identifiant {id})
Destinataire: {recipient}
Intervalle  : du {start} au {end}
Établi      : {made}, par l'agent Vigie {version}
Horloge     : {clock}
Horodatage  : {stamp}
Heures      : de Paris dans cette note ; UTC dans les images, les noms et les autres fichiers, soit une heure de moins
              l'hiver et deux l'été

{cameras}
CE QUE CE DOSSIER CONTIENT
  segments/       les enregistrements tels que le mât les a scellés, chiffrés (format age) : seule la clé du coffre,
                  que la ville garde hors du mât, les ouvre. Les segments sont entiers : les premières et dernières
                  images peuvent déborder de quelques secondes l'intervalle demandé.
  manifest.json   la liste de ce qui est remis, de ce qui manque et pourquoi, des moments où l'image était entièrement
                  masquée, des masques en vigueur, d'où pointait une caméra mobile ; signé par le mât
                  (manifest.json.sig).
  requisition.json  la réquisition à laquelle ce paquet répond, telle qu'elle fut présentée, avec ses signatures.
  register/       la tête signée du registre du mât et les preuves que les inscriptions relatives à ce paquet y sont ;
                  « witnessed », s'il est présent, est la dernière tête qu'un témoin a contresignée.
  timestamp/      s'il est présent, ce qu'un service d'horodatage (RFC 3161) a répondu sur manifest.json.
  keys/           les clés publiques : celle du mât, celles des signataires de la réquisition.
  SHA256SUMS      l'empreinte de chaque fichier ; signée par le mât (SHA256SUMS.sig).

VÉRIFIER
  Avec le programme :  vigie-provision evidence open DOSSIER --identity vault.key --out SORTIE --device-pub device.pub
  Sans lui, avec openssl et sha256sum, dans ce dossier :
      openssl pkeyutl -verify -pubin -inkey keys/device.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
      sha256sum --check --strict SHA256SUMS
      test "$(find . ! -type d | wc -l)" = $(($(wc -l < SHA256SUMS) + 2)) && echo OK
  La dernière ligne dit OK quand rien d'autre ne s'y trouve.
  La clé keys/device.pub doit être celle que la ville tient pour ce mât ; empreinte SHA-256 :
      {device}
      (openssl pkey -pubin -in keys/device.pub -outform DER | sha256sum)
  L'horodatage, s'il y en a un, avec le certificat de l'autorité du service :
      openssl ts -verify -data manifest.json -in timestamp/response.tsr -CAfile AUTORITE.pem
  Ouvrir un enregistrement :  age -d -i vault.key SEGMENT.mp4.age > SEGMENT.mp4

LIMITES
  Les visages, fenêtres et jardins masqués l'ont été avant l'enregistrement : il n'existe pas d'original sans masque.
  Il n'y a pas de son. L'heure incrustée est celle du mât.
  La position d'une caméra mobile (manifest.json, ptz_points) est ce que la tête a dit et ce que l'image a confirmé,
  à la demi-largeur indiquée près ; « blind » : position inconnue, image entièrement masquée, sauf « track-cut » (une
  coupure a emporté la suite) et « track-full » (trop de positions) : là seule la position manque.
  Les copies remises se gardent un mois au plus après leur transmission (CSI, art. L252-3), procédure pénale exceptée.
"""

_ENGLISH = """\
EVIDENCE PACK - video-protection recordings

Mast        : {mast} ({site}), town of {town}
Requisition : {reference} (id {id})
Recipient   : {recipient}
Interval    : from {start} to {end} (UTC)
Made        : {made}, by the Vigie agent {version}
Clock       : {clock}
Time-stamp  : {stamp}

{cameras}
WHAT THIS FOLDER HOLDS
  segments/       the recordings as the mast sealed them, encrypted (age format): only the vault key opens them, which
                  the town keeps away from the mast. Segments are whole: the first and last pictures may lie some
                  seconds outside the interval that was asked for.
  manifest.json   what is handed over, what is missing and why, when the whole picture was masked, which masks were in
                  force, where a turning camera pointed; signed by the mast (manifest.json.sig).
  requisition.json  the requisition that this pack answers, as it was presented, with its signatures.
  register/       the signed head of the mast's register and the proofs that the entries about this pack are in it;
                  "witnessed", where there is one, is the last head that a witness cosigned.
  timestamp/      where there is one, what a time-stamping service (RFC 3161) answered about manifest.json.
  keys/           public keys: the mast's, and those of who signed the requisition.
  SHA256SUMS      the hash of each file; signed by the mast (SHA256SUMS.sig).

CHECKING
  With the program:  vigie-provision evidence open FOLDER --identity vault.key --out OUTPUT --device-pub device.pub
  Without it, with openssl and sha256sum, in this folder:
      openssl pkeyutl -verify -pubin -inkey keys/device.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
      sha256sum --check --strict SHA256SUMS
      test "$(find . ! -type d | wc -l)" = $(($(wc -l < SHA256SUMS) + 2)) && echo OK
  The last line says OK when nothing else lies there.
  The key keys/device.pub must be the one that the town holds for this mast; its SHA-256:
      {device}
      (openssl pkey -pubin -in keys/device.pub -outform DER | sha256sum)
  The time-stamp, where there is one, with the certificate of the service's authority:
      openssl ts -verify -data manifest.json -in timestamp/response.tsr -CAfile AUTHORITY.pem
  To open a recording:  age -d -i vault.key SEGMENT.mp4.age > SEGMENT.mp4

LIMITS
  Faces, windows and gardens that are masked were masked before recording: no original without masks exists.
  There is no sound. The time in the picture is the mast's.
  Where a turning camera pointed (manifest.json, ptz_points) is what its head said and its pictures confirmed, to within
  the halves stated; "blind": not known, and the whole picture was masked, but for "track-cut" (a power cut took what
  followed) and "track-full" (too many positions): there only the position is missing.
  Copies handed over are kept a month at most after transmission (CSI, art. L252-3), criminal proceedings excepted.
"""


def leaflets(manifest: Manifest, stamped: datetime | None = None, *, asked: bool = False) -> Mapping[str, bytes]:
    """Both, by their names. `stamped`: the time-stamp's time, None without one; `asked`: a service is configured."""
    at_ms = None if stamped is None else round(stamped.timestamp() * 1000)
    french = "aucun : le service n'a pas répondu comme il faut" if asked else "aucun service configuré"
    english = "none: the service gave no good answer" if asked else "no service configured"
    return {
        LEAFLETS["fr"]: _filled(_FRENCH, manifest, french if at_ms is None else shown(at_ms), french=True),
        LEAFLETS["en"]: _filled(_ENGLISH, manifest, english if at_ms is None else rfc3339(at_ms), french=False),
    }


def _filled(text: str, manifest: Manifest, stamp: str, *, french: bool) -> bytes:
    error_ms = manifest.clock.error_ms
    if not manifest.clock.synchronised or error_ms is None:
        clock = "non synchronisée par un service de temps" if french else "not kept by a time service"
    else:
        clock = f"synchronisée, à {error_ms} ms près" if french else f"synchronised, to within {error_ms} ms"
    return text.format(
        mast=manifest.mast,
        site=manifest.site or "-",
        town=manifest.town,
        reference=manifest.requisition.reference,
        id=manifest.requisition.id,
        recipient=manifest.requisition.recipient,
        start=_time(manifest.start, french=french),
        end=_time(manifest.end, french=french),
        made=_time(manifest.made, french=french),
        version=manifest.agent_version,
        clock=clock,
        stamp=stamp,
        device=manifest.device,
        cameras="\n".join(_cameras(manifest, french=french)),
    ).encode()


def _time(time: str, *, french: bool) -> str:
    return shown(from_rfc3339(time)) if french else time


def _cameras(manifest: Manifest, *, french: bool) -> Iterator[str]:
    for one in manifest.cameras:
        if french:
            yield f"Caméra {one.id} ({one.name or '-'}) : {len(one.segments)} segment(s)"
            for gap in one.gaps:
                causes = ", ".join(map(in_french, gap.causes))
                yield f"  sans image du {_time(gap.start, french=True)} au {_time(gap.end, french=True)} ({causes})"
            for span in one.blind:
                until = "-" if span.end is None else _time(span.end, french=True)
                yield f"  entièrement masquée du {_time(span.start, french=True)} au {until} ({in_french(span.reason)})"
        else:
            yield f"Camera {one.id} ({one.name or '-'}): {len(one.segments)} segment(s)"
            yield from (f"  no pictures from {gap.start} to {gap.end} ({', '.join(gap.causes)})" for gap in one.gaps)
            for span in one.blind:
                yield f"  wholly masked from {span.start} to {span.end or '-'} ({span.reason})"
    yield ""
