from agent.events import ViewEnded, ViewStarted
from tests.live.house import Viewer, house, token_for
from tests.live.scene import MASK_GREY, Scene


async def test_a_viewer_sees_the_moving_scene_with_its_mask_and_leaves(scene: Scene) -> None:
    async with house(scene) as it:
        async with Viewer(it, token_for("parvis")) as viewer:
            assert viewer.status == 201
            pictures = [frame.to_ndarray(format="gray") for frame in await viewer.frames(20)]
            assert it.server.viewers("parvis") == 1
            assert await viewer.leave() == 200
        assert it.server.viewers("parvis") == 0
    assert pictures[0].shape == (480, 640)
    assert (abs(pictures[0][:100].astype(int) - pictures[-1][:100]) > 30).mean() > 0.2
    assert all(abs(int(one[180, 240]) - MASK_GREY) < 6 for one in pictures)
    assert [event.reason for event in it.seen(ViewEnded)] == ["left"]
    assert [event.rendition for event in it.seen(ViewStarted)] == ["main"]
