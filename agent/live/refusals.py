"""What goes wrong in a handler, as the answer that says so.

Laws
- Every refusal is one sentence as JSON, `{"error": word, "message": sentence}`, so that a page can say why.
- An unforeseen error says nothing of its inside, and the log nothing of the request.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from agent.errors import AccessDenied, ClockUntrusted, OfferRefused, RegisterError
from agent.language import say
from agent.live.sessions import TooManyViewers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER_S = "10"
WORDS = {400: "offer", 401: "grant", 403: "not-covered", 404: "unknown", 405: "method", 406: "codec", 413: "size"}

log = logging.getLogger(__name__)


def readable(body: object) -> str:
    """JSON with its accents, for whoever reads an answer by eye."""
    return json.dumps(body, ensure_ascii=False)


def refusal(status: int, message: str, word: str = "", headers: Mapping[str, str] | None = None) -> web.Response:
    """A refusal as JSON; `word` is for programs, `message` for people."""
    body = {"error": word or WORDS.get(status, "refused"), "message": message}
    return web.json_response(body, status=status, headers=headers, dumps=readable)


def said(response: web.Response) -> str:
    """The sentence of a `refusal`, for the register."""
    return str(json.loads(response.text or "{}").get("message") or f"HTTP {response.status}")


def why(error: Exception) -> str:
    """For the register."""
    if isinstance(error, TooManyViewers):
        return say(en="the viewer limit is reached", fr="nombre de vues atteint")
    return str(error) or say(en="the offer took too long to arrive", fr="l'offre a mis trop de temps")


async def answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    """The handler's answer, or the refusal that says why there is none."""
    try:
        return await handler(request)
    except AccessDenied as error:
        word = "clock" if isinstance(error, ClockUntrusted) else ""
        headers = {str(hdrs.WWW_AUTHENTICATE): "Bearer"} if error.status == 401 else None
        return refusal(error.status, str(error), word, headers)
    except RegisterError as error:
        text = say(
            en=f"what is seen and steered must be in the register first, and it cannot be written: {error}",
            fr=f"toute consultation est d'abord inscrite au registre, qui ne peut être écrit : {error}",
        )
        return refusal(503, text, "register", {hdrs.RETRY_AFTER: RETRY_AFTER_S})
    except OfferRefused as error:
        return refusal(error.status, str(error))
    except TooManyViewers:
        text = say(en="the viewer limit is reached; try again shortly", fr="nombre de vues atteint ; réessayer bientôt")
        return refusal(503, text, "viewers", {hdrs.RETRY_AFTER: RETRY_AFTER_S})
    except TimeoutError:
        return refusal(408, say(en="the offer took too long to arrive", fr="l'offre a mis trop de temps"), "slow")
    except ConnectionError:  # the peer has gone in the middle of its request: nobody reads this
        return refusal(400, say(en="the connection was lost", fr="connexion perdue"), "gone")
    except web.HTTPException as error:
        allow = {str(hdrs.ALLOW): error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else None
        return refusal(error.status, _phrase(error), headers=allow)
    except Exception as error:
        # a fault of ours: its kind is logged for the maker, never a request's content, and the peer learns nothing
        log.error("live: unexpected %s at %s", type(error).__name__, _place(error))
        return refusal(500, say(en="internal error", fr="erreur interne"), "internal")


def _phrase(error: web.HTTPException) -> str:
    """What we said of it, or the standard's own phrase."""
    known = {404: "rien à cette adresse", 405: "méthode non admise ici", 413: "trop grand"}
    own = error.reason == HTTPStatus(error.status).phrase
    return say(en=error.reason, fr=known.get(error.status, error.reason) if own else error.reason)


def _place(error: BaseException) -> str:
    """File and line where the error arose."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
