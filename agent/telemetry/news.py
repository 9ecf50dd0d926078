"""Which retained messages are due: on change, and every so often without. Decides; touches nothing.

- The register's head is due when it changed, `HEAD_S` apart at least.
- A camera's state is due when its lasting part changed or when the last one is `every_s` old.
- Cameras come and go with a reload, and while the agent stops there are none for a moment. Discovery and the removal of
  a camera's retained state therefore wait until the set of cameras has been the same for `SETTLE_S`, and a mast without
  any camera is never told of: a configuration has at least one.
"""

from agent.facts import MastFacts
from agent.telemetry.discovery import discovery
from agent.telemetry.payloads import Json, camera_state, checkpoint, encode, lasting, ptz_state
from agent.telemetry.topics import Topics
from agent.telemetry.values import Publication

SETTLE_S = 3.0
HEAD_S = 5.0


class News:
    """Remembers what was told last."""

    def __init__(self, topics: Topics, site: str, version: str, every_s: float) -> None:
        self._topics = topics
        self._site = site
        self._version = version
        self._every_s = every_s
        self._states: dict[str, tuple[Json, float]] = {}
        self._described: bytes = b""
        self._head: tuple[str, float] = ("", -HEAD_S)
        self._cameras: tuple[tuple[tuple[str, str], ...], float] = ((), 0.0)

    def look(self, facts: MastFacts, now_s: float) -> tuple[Publication, ...]:
        """What is due at `now_s` (monotonic seconds)."""
        due = []
        for camera in facts.cameras:
            due += self._of(self._topics.camera_state(camera.id), camera_state(camera, facts.wall), now_s)
            if camera.ptz is not None:
                due += self._of(self._topics.camera_ptz(camera.id), ptz_state(camera.ptz, facts.wall), now_s)
        due += self._of_the_register(facts, now_s)
        return (*due, *self._of_the_set(facts, now_s))

    def _of_the_register(self, facts: MastFacts, now_s: float) -> list[Publication]:
        head, (told, told_s) = facts.register.head, self._head
        if not head or head == told or now_s - told_s < HEAD_S:
            return []
        self._head = head, now_s
        return [Publication(self._topics.checkpoint, encode(checkpoint(facts.register, facts.wall)), retain=True)]

    def _of(self, topic: str, state: Json, now_s: float) -> list[Publication]:
        told, told_s = self._states.get(topic, ({}, 0.0))
        if told == lasting(state) and now_s - told_s < self._every_s:
            return []
        self._states[topic] = lasting(state), now_s
        return [Publication(topic, encode(state), retain=True)]

    def _of_the_set(self, facts: MastFacts, now_s: float) -> tuple[Publication, ...]:
        names = tuple((camera.id, camera.name) for camera in facts.cameras)
        if names != self._cameras[0]:
            self._cameras = names, now_s
        if not names or (self._described and now_s - self._cameras[1] < SETTLE_S):
            return ()
        ours = {topic(name) for name, _ in names for topic in (self._topics.camera_state, self._topics.camera_ptz)}
        removed = self._states.keys() - ours
        due = [Publication(one, b"", retain=True) for one in sorted(removed)]
        for one in removed:
            del self._states[one]
        content = encode(discovery(self._topics, self._site, self._version, facts.cameras))
        if content != self._described:
            self._described = content
            due.append(Publication(self._topics.discovery, content, retain=True))
        return tuple(due)
