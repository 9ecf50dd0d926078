"""The status page in a real browser, playing what a real encoder makes."""

from itertools import pairwise
from pathlib import Path

from agent.events import ViewEnded, ViewStarted
from tests.live.browser import SHOW_ADDRESSES, Page, browser, needs_chromium
from tests.live.house import KEY, House, grant_for, house, mint, token_for, until
from tests.live.scene import MASK, MASK_GREY, Scene

pytestmark = needs_chromium

READ = """(() => {
  const video = document.querySelector('article.playing video');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const read = (x, y) => context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data[0];
  const masked = [], seen = [];
  for (let x = 0.02; x < 1; x += 0.02) for (let y = 0.02; y < 0.9; y += 0.02) {
    const [left, top, right, bottom] = MASK;
    if (x > left + 0.02 && x < right - 0.02 && y > top + 0.02 && y < bottom - 0.02) masked.push(read(x, y));
    else if (x < left - 0.02 || x > right + 0.02 || y < top - 0.02 || y > bottom + 0.02) seen.push(read(x, y));
  }
  return {masked, seen, width: canvas.width};
})()""".replace("MASK", str(list(MASK)))

PLAYER = """async (url, token) => {
  const peer = new RTCPeerConnection();
  peer.addTransceiver('audio', {direction: 'recvonly'});
  peer.addTransceiver('video', {direction: 'recvonly'});
  peer.createDataChannel('unasked');
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = video.autoplay = true;
  peer.ontrack = ({track}) => { if (track.kind === 'video') video.srcObject = new MediaStream([track]); };
  await peer.setLocalDescription();
  const headers = {'Content-Type': 'application/sdp', 'Authorization': `Bearer ${token}`};
  const answer = await fetch(url, {method: 'POST', headers, body: peer.localDescription.sdp});
  await peer.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  window.another = video;
  return answer.status;
}"""


def greys(values: list[int]) -> tuple[int, int]:
    return min(values), max(values)


async def enter(page: Page, it: House, token: str) -> None:
    await page.goto(f"{it.url}/")
    await page.run(f"document.querySelector('#grant').value = '{token}'")
    await page.run("document.querySelector('form').requestSubmit()")


async def test_a_grant_in_the_address_is_not_taken(scene: Scene, tmp_path: Path) -> None:
    async with house(scene) as it, browser(tmp_path, "fr", SHOW_ADDRESSES) as page:
        await page.goto(f"{it.url}/#grant={token_for('parvis')}")
        await page.when("document.activeElement.id === 'grant'")
        assert await page.run("document.querySelector('article.playing')") is None
        assert await page.run("document.querySelector('#grant').value") == ""


async def test_the_browser_shows_moving_pictures_and_a_mask_that_never_changes(scene: Scene, tmp_path: Path) -> None:
    async with house(scene) as it, browser(tmp_path, "fr", SHOW_ADDRESSES) as page:
        await enter(page, it, token_for("parvis"))
        await page.when("document.querySelector('article.playing')")
        reads = []
        for _ in range(4):
            reads.append(await page.run(READ))
            shown = await page.run("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames")
            await page.when(f"document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > {shown + 5}")
        assert reads[0]["width"] == scene.width
        for one in reads:
            low, high = greys(one["masked"])
            assert high - low < 12
            assert abs(low - MASK_GREY) < 16
        for before, after in pairwise(reads):
            moved = [abs(a - b) > 20 for a, b in zip(before["seen"], after["seen"], strict=True)]
            assert sum(moved) > len(moved) / 4
        assert await page.run("location.href") == f"{it.url}/"
        assert await page.run("JSON.stringify([localStorage, sessionStorage, document.cookie])") == '[{},{},""]'
        text = await page.run("document.body.innerText")
        for word in ("Parvis, fixe", "En direct", "Masques incrustés", "Enregistrement scellé", "Quitter"):
            assert word in text
        assert page.faults == []
    assert [event.rendition for event in it.seen(ViewStarted)] == ["main"]


async def test_a_browser_that_hides_its_addresses_and_offers_sound_and_data_first_is_answered(
    scene: Scene, tmp_path: Path
) -> None:
    async with house(scene) as it, browser(tmp_path) as page:
        await page.goto(it.url)
        assert await page.run(f"({PLAYER})('/whep/parvis', '{token_for('parvis')}')") == 201
        await page.when("window.another.getVideoPlaybackQuality().totalVideoFrames > 10")


async def test_a_person_at_the_keyboard_enters_a_grant_is_refused_with_why_and_tries_again(
    scene: Scene, tmp_path: Path
) -> None:
    async with house(scene) as it, browser(tmp_path, "en") as page:
        await page.goto(it.url)
        await page.when("document.activeElement.id === 'grant'")
        assert await page.run("document.activeElement.type") == "password"
        assert "See the cameras" in await page.run("document.body.innerText")
        await page.type("no-grant-at-all")
        await page.press("Enter")
        await page.when("document.querySelector('#refused').innerText.includes('refused')")
        assert await page.run("document.activeElement.id") == "grant"
        await page.type(token_for("parvis"))
        await page.press("Enter")
        await page.when("document.querySelector('article.playing')")
        await page.run("document.querySelector('#language').click()")
        assert "Masques incrustés" in await page.run("document.body.innerText")
        assert await page.run("document.documentElement.lang") == "fr"
        await page.run("document.querySelector('#leave').click()")
        await until(lambda: it.seen(ViewEnded))
        assert await page.run("document.querySelector('#grant').value") == ""


async def test_a_wall_shows_tiles_and_opening_one_shows_the_full_picture(scene: Scene, tmp_path: Path) -> None:
    with Scene(320, 192) as tile:
        async with house(scene, tile) as it, browser(tmp_path, "en") as page:
            await enter(page, it, token_for("parvis", "gare", "quai", "ecole"))
            await page.when("document.querySelectorAll('article.playing').length === 4")
            assert (tile.subscribers, scene.subscribers) == (4, 0)
            await page.run("document.querySelector('[data-camera=gare] .open').focus()")
            await page.press("Enter")
            await page.when("document.querySelectorAll('article.playing').length === 1")
            await until(lambda: (tile.subscribers, scene.subscribers) == (0, 1))
            assert await page.run("document.activeElement.innerText") == "Back to the wall (Gare, quai 1)"
            await page.press("Escape")
            await page.when("document.querySelectorAll('article.playing').length === 4")
            await until(lambda: scene.subscribers == 0)
            await page.run("document.querySelector('[data-layout=\"1\"]').click()")
            await until(lambda: (tile.subscribers, scene.subscribers) == (0, 1))


async def test_the_page_comes_back_by_itself_and_says_why_when_the_grant_is_revoked(
    scene: Scene, tmp_path: Path
) -> None:
    grant = grant_for("parvis")
    async with house(scene) as it, browser(tmp_path, "en") as page:
        await enter(page, it, mint(KEY, grant))
        await page.when("document.querySelector('article.playing')")
        (view,) = it.server._sessions._views.values()
        await it.server._sessions.end(view, "connection-lost")
        await until(lambda: len(it.seen(ViewStarted)) == 2, 20)
        await page.when("document.querySelector('article.playing')")
        it.server.replace_judge(it.judge(grant.jti))
        await page.when("document.querySelector('#refused').innerText.includes('revoked')")
        assert it.server.viewers("parvis") == 0


async def test_both_languages_have_every_word(scene: Scene, tmp_path: Path) -> None:
    async with house(scene) as it, browser(tmp_path) as page:
        await page.goto(it.url)
        words = await page.run("import('/words.js').then(({WORDS}) => WORDS)")
        assert set(words["fr"]) == set(words["en"])
        places = {key: [words[one][key].count("{") for one in ("fr", "en")] for key in words["fr"]}
        assert all(french == english for french, english in places.values())
        used = await page.run("[...document.querySelectorAll('[data-say]')].map((one) => one.dataset.say)")
        assert set(used) <= set(words["fr"])
