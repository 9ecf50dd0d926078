// One camera's steering over its WebSocket: the grant as the first message, then orders, an answer to each.
// It is opened by the first order. When it is lost the mast stops the head; nothing is sent again by itself.

const MOST_UNANSWERED = 8;
const NORMAL = 1000;
const GOING_AWAY = 1001; // the mast takes up a new configuration, or ends

export class Steering {
  /** `tell(what, detail)` is called with lost, with away when the mast goes itself, and with refused and its answer. */
  constructor(camera, grant, tell) {
    Object.assign(this, { camera, grant, tell });
    this.socket = null;
    this.number = 0;
    this.asked = new Map();
    this.closed = false;
  }

  /** A velocity; left out while the mast owes too many answers, as the newest counts alone. */
  velocity(wanted) {
    if (this.asked.size < MOST_UNANSWERED) this.order({ order: "velocity", ...wanted });
  }

  /** The mast's answer to one order; `status` is 0 when the connection ended first. */
  order(order) {
    if (this.closed) return Promise.resolve({ ok: false, status: 0 });
    const id = ++this.number;
    return new Promise((answer) => {
      this.asked.set(id, { answer, text: JSON.stringify({ ...order, id }) });
      if (!this.socket) this.open();
      else if (this.ready) this.socket.send(this.asked.get(id).text);
    });
  }

  open() {
    const url = new URL(`/ptz/${encodeURIComponent(this.camera)}/ws`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.ready = false;
    socket.addEventListener("open", () => socket.send(JSON.stringify({ grant: this.grant })));
    socket.addEventListener("message", ({ data }) => this.hear(socket, JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => this.lost(socket, code));
  }

  hear(socket, answer) {
    if (socket !== this.socket) return;
    if (!answer.ok) this.tell("refused", answer);
    if (!this.ready) {
      this.ready = answer.ok;
      if (this.ready) for (const { text } of this.asked.values()) socket.send(text);
      return;
    }
    // a refusal of floods comes before the order's number was read: it is the oldest one's
    const id = this.asked.has(answer.id) ? answer.id : this.asked.keys().next().value;
    this.asked.get(id)?.answer(answer);
    this.asked.delete(id);
  }

  lost(socket, code) {
    if (socket !== this.socket) return;
    this.socket = null;
    for (const { answer } of this.asked.values()) answer({ ok: false, status: 0 });
    this.asked.clear();
    if (!this.closed) this.tell(code === GOING_AWAY ? "away" : "lost");
  }

  close() {
    this.closed = true;
    this.socket?.close(NORMAL);
  }
}
