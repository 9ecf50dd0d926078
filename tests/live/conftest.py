"""Shared by the room's tests: one encoder for all of them."""

from collections.abc import Iterator

import pytest

from tests.live.scene import Scene


@pytest.fixture(scope="package")
def running() -> Iterator[Scene]:
    """A scene that is encoded as long as the room's tests run."""
    with Scene() as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Scene:
    """The running scene, its counters at zero."""
    running.keyframe_requests = 0
    running.paused = False
    return running
