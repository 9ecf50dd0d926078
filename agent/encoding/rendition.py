"""One rendition of one camera: the masked picture -> one encoder -> its signature -> one fan-out.

    main = Rendition("parvis-fixed", EncoderSettings(), sign=signer.sign)
    main.source.subscribe(queue, replay=False)
    main.encode(masked_frame)

Segments and viewers get the same signed bytes. One thread owns `encode`; consumers come and go through `source` from
any thread.
"""

import logging
from collections.abc import Callable

from agent.encoding.encoder import Encoder, working
from agent.encoding.fanout import Fanout
from agent.encoding.keyframes import KeyframePolicy
from agent.encoding.scale import fit, scale
from agent.encoding.settings import EncoderSettings
from agent.errors import EncoderUnavailable
from agent.units import TICKS_PER_SECOND, AccessUnit, MaskedFrame

log = logging.getLogger(__name__)

MOST_INSIDE = 32
"""Pictures that an encoder may hold back before it counts as failed."""


class Rendition:
    """Encodes a camera's masked frames; with `limit`, scaled to fit and only while somebody watches."""

    def __init__(
        self,
        camera: str,
        settings: EncoderSettings,
        limit: tuple[int, int] | None = None,
        sign: Callable[[AccessUnit], AccessUnit] = lambda unit: unit,
    ) -> None:
        """`sign`: what each access unit goes through before anybody has it; it keeps all but the bytes."""
        self._camera = camera
        self._sign = sign
        self._settings = settings
        self._limit = limit
        self._keyframes = KeyframePolicy()
        self._encoder: Encoder | None = None
        self._epoch: int | None = None
        self._failed: set[str] = set()
        self._inside: dict[int, MaskedFrame] = {}  # by pts: a hardware encoder gives a picture back frames later
        self.source = Fanout(self._keyframes.wish)
        self.encoded = 0
        """Pictures that went through the encoder."""
        self.bytes = 0

    @property
    def encoder_name(self) -> str:
        """The encoder at work, by the configuration's word; empty before the first picture."""
        return self._encoder.name if self._encoder else ""

    def prepare(self) -> None:
        """Tries the encoders out, before a picture waits for it; EncoderUnavailable when none works."""
        working(self._settings.candidates)

    def encode(self, frame: MaskedFrame) -> None:
        """Encodes one picture and hands out what comes of it; EncoderUnavailable when no encoder works."""
        if self._limit is not None and not self.source.watched:
            self.close()
            return
        width, height = frame.width, frame.height
        picture = frame.picture
        if self._limit is not None:
            width, height = fit(width, height, self._limit)
            picture = scale(picture, frame.width, frame.height, (width, height))
        encoder = self._ready(width, height, frame)
        keyframe = self._keyframes.decide(frame.pts_90k, TICKS_PER_SECOND / self._settings.fps)
        self._inside[frame.pts_90k] = frame
        try:
            units = encoder.encode(picture, frame.pts_90k, keyframe=keyframe)
            if len(self._inside) > MOST_INSIDE:
                raise EncoderUnavailable(f"{encoder.name}: swallows pictures")
        except EncoderUnavailable:
            self._failed.add(encoder.name)  # what passed its trial and fails at work comes last from now on
            self.close()
            raise
        self.encoded += 1
        for data, is_keyframe, pts_90k in units:
            self._publish(encoder, self._inside.pop(pts_90k, frame), data, is_keyframe, pts_90k)

    def _ready(self, width: int, height: int, frame: MaskedFrame) -> Encoder:
        """The encoder for this size and connection; a fresh one where either changed."""
        if self._epoch != frame.epoch:
            self._epoch = frame.epoch
            self._keyframes.reset()
            self.source.forget()
        encoder = self._encoder
        if encoder is None or encoder.size != (width, height) or encoder.full_range != frame.full_range:
            self.close()
            encoder = self._encoder = self._open(width, height, frame.full_range)
        return encoder

    def _open(self, width: int, height: int, full_range: bool) -> Encoder:
        """The best encoder that opens at this size: what passed its trial may still refuse a larger picture."""
        refusals = []
        for name in sorted(working(self._settings.candidates), key=self._failed.__contains__):
            try:
                encoder = Encoder(name, width, height, full_range, self._settings)
            except EncoderUnavailable as error:
                refusals.append(str(error))
            else:
                log.info("%s: encoder %s at %dx%d", self._camera, name, width, height)
                return encoder
        raise EncoderUnavailable("; ".join(refusals))

    def _publish(self, encoder: Encoder, frame: MaskedFrame, data: bytes, is_keyframe: bool, pts_90k: int) -> None:
        if is_keyframe:
            self._keyframes.came(pts_90k)
        unit = AccessUnit(
            camera=self._camera,
            data=data,
            keyframe=is_keyframe,
            pts_90k=pts_90k,
            width=encoder.size[0],
            height=encoder.size[1],
            taken=frame.taken,
            wall=frame.wall,
            epoch=frame.epoch,
            masks=frame.masks,
        )
        signed = self._sign(unit)
        self.bytes += len(signed.data)
        self.source.publish(signed)

    def close(self) -> None:
        """Gives the encoder back; the next picture opens a fresh one and begins with a keyframe."""
        self._encoder = None
        self._inside.clear()
        self._keyframes.reset()
        self.source.forget()
