// One WHEP player: plays a camera into a <video>, and tries again with growing patience when the picture stops.

const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 15;
const STALL_MS = 6000;
const GATHER_MS = 1500;
const CONNECT_MS = 12000;
const GOODBYE_MS = 3000;

export class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** fetch with the grant; Refused carries the mast's own sentence, TypeError means that it does not answer. */
export async function ask(path, grant, options = {}) {
  const headers = { ...options.headers, Authorization: `Bearer ${grant}` };
  const response = await fetch(path, { ...options, headers, cache: "no-store", redirect: "error" });
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.message ?? "", Number(response.headers.get("Retry-After")) || 0);
}

function gathered(peer) {
  return new Promise((done) => {
    const check = () => peer.iceGatheringState === "complete" && done();
    peer.addEventListener("icegatheringstatechange", check);
    setTimeout(done, GATHER_MS);
    check();
  });
}

export class Player {
  /** `tell(what, detail)` is called with connecting, playing, retrying, refused. */
  constructor(video, camera, rendition, grant, iceServers, tell) {
    Object.assign(this, { video, camera, rendition, grant, iceServers, tell });
    this.wait = FIRST_WAIT_S;
    this.closed = false;
    this.start();
  }

  async start() {
    this.tell("connecting");
    try {
      await this.connect();
    } catch (error) {
      if (this.closed) return;
      this.fail(error);
    }
  }

  async connect() {
    const peer = new RTCPeerConnection({ iceServers: this.iceServers });
    this.peer = peer;
    const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    peer.addEventListener("track", ({ track }) => {
      if (peer !== this.peer) return;
      this.video.srcObject = new MediaStream([track]);
      this.video.play().catch(() => {});
    });
    peer.addEventListener("connectionstatechange", () => {
      if (peer === this.peer && ["failed", "closed"].includes(peer.connectionState)) this.fail();
    });
    await peer.setLocalDescription();
    await gathered(peer);
    const query = this.rendition === "tile" ? "?rendition=tile" : "";
    const response = await ask(`/whep/${encodeURIComponent(this.camera)}${query}`, this.grant, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: peer.localDescription.sdp,
    });
    const session = response.headers.get("Location");
    const answer = await response.text();
    if (this.closed || peer !== this.peer) {
      await this.end(session);
      peer.close();
      return;
    }
    this.session = session;
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    // the mast says goodbye when it ends a view: no need to wait for the picture to stand still
    receiver.transport?.addEventListener("statechange", ({ target }) => {
      if (peer !== this.peer || target.state !== "closed") return;
      this.session = null;
      this.fail();
    });
    this.watch();
  }

  /** Looks whether pictures still come; a first one is waited for longer than the next. */
  watch() {
    let frames = -1;
    let seen = performance.now() + CONNECT_MS - STALL_MS;
    this.watching = setInterval(() => {
      const now = this.video.getVideoPlaybackQuality().totalVideoFrames;
      if (now !== frames) {
        if (frames >= 0 && now > frames) {
          this.wait = FIRST_WAIT_S;
          this.tell("playing");
        }
        if (frames >= 0 || now > 0) seen = performance.now();
        frames = now;
      } else if (performance.now() - seen > STALL_MS && !document.hidden) {
        this.fail();
      }
    }, 500);
  }

  fail(error) {
    this.release();
    if (this.closed) return;
    if (error instanceof Refused && error.status !== 503) {
      this.tell("refused", { status: error.status, why: error.message });
      return;
    }
    const seconds = Math.round(Math.max(this.wait, error?.retryAfter ?? 0));
    this.wait = Math.min(LONGEST_WAIT_S, this.wait * 2);
    this.tell("retrying", { status: error?.status, why: error?.message ?? "", seconds });
    // spread, so that a wall of viewers does not come back in one instant
    this.timer = setTimeout(() => this.start(), seconds * 1000 * (0.8 + 0.4 * Math.random()));
  }

  /** Settled when the mast has answered, or does not. */
  async end(session) {
    if (session) await ask(session, this.grant, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  release() {
    clearInterval(this.watching);
    clearTimeout(this.timer);
    const { peer } = this;
    const close = () => peer?.close();
    // a connection that closes ends its session, too: the mast would know none to end any more
    this.end(this.session).then(close);
    setTimeout(close, GOODBYE_MS);
    this.session = null;
    this.peer = null;
    this.video.srcObject = null;
  }

  close() {
    this.closed = true;
    this.release();
  }
}
