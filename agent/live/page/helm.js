// The steering of one camera that turns: the hands on its picture, the buttons beside it, and how it stands.

import { Hands } from "./hands.js";
import { Steering } from "./steering.js";
import { clock, fill, has, say } from "./words.js";

const $ = (selector, from) => from.querySelector(selector);
const NEWS_MS = 6000;
const ASK_AGAIN_MS = 10_000;

export class Helm {
  /** Puts the steering over the picture of `tile` (an article) and beside it; `camera` is its state. */
  constructor(tile, camera, grant) {
    this.camera = camera;
    this.surface = $("#surface", document).content.firstElementChild.cloneNode(true);
    this.panel = $("#helm", document).content.firstElementChild.cloneNode(true);
    $("figure", tile).append(this.surface);
    $("dl", tile).before(this.panel);
    this.news = { what: "", detail: {}, until: 0 };
    this.askAt = 0;
    this.steering = new Steering(camera.id, grant, (what, detail) => this.hear(what, detail));
    this.hands = new Hands(this.surface, $("video", tile), {
      velocity: (wanted) => this.drive(wanted),
      stop: () => this.steering.order({ order: "stop" }),
      home: () => this.order({ order: "home" }),
      area: (found) => this.look(found),
      hfov: () => this.camera.ptz?.hfov_deg,
    });
    this.listen();
    this.translate();
  }

  // ---- how it stands ----

  update(camera) {
    this.camera = camera;
    // the mast is back: that it was away is news for a while yet
    if (this.news.what === "steering_away") this.news.until = Math.min(this.news.until, performance.now() + NEWS_MS);
    const { steering, ptz } = camera;
    const degrees = (value) => (value === null ? "?" : `${value.toFixed(1)}°`);
    $(".pose", this.panel).textContent = ptz
      ? say("pose", { pan: degrees(ptz.pan_deg), tilt: degrees(ptz.tilt_deg), hfov: degrees(ptz.hfov_deg) })
      : say("pose_none");
    const patrols = $(".patrols", this.panel);
    patrols.hidden = steering.patrols.length === 0;
    this.choices($("select", patrols), steering.patrols.map((name) => [name, name]));
    $("[data-do=patrol_stop]", patrols).disabled = !steering.patrol;
    if (ptz && performance.now() > this.askAt) this.presets();
    this.show();
  }

  tell(what, detail = {}, lasts = NEWS_MS) {
    this.news = { what, detail, until: performance.now() + lasts };
    this.show();
  }

  /** One line: what just happened as long as it is news, else who holds the head. */
  show() {
    const { what, detail, until } = this.news;
    const fresh = performance.now() < until;
    const line = $(".stand", this.panel);
    const text = fresh ? say(what, detail) : this.holder();
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("bad", fresh && what !== "done");
  }

  holder() {
    const { held, patrol } = this.camera.steering;
    return patrol && held !== "another" ? say("patrolling", { name: patrol }) : say(`held_${held || "nobody"}`);
  }

  hear(what, answer) {
    if (["lost", "away"].includes(what)) {
      this.tell(`steering_${what}`, {}, Infinity);
      this.hands.drop();
      return;
    }
    const { error, message, status, retry_after_s: wait = 0 } = answer;
    if (error === "overtaken") return;
    const time = clock(new Date(Date.now() + wait * 1000), "medium");
    const word = has(`no_${error}`) ? `no_${error}` : "refused";
    this.tell(word, { why: message ?? "", time }, Math.max(NEWS_MS, wait * 1000));
    // whoever may not steer now takes the hands off; the next press asks again
    if ([401, 403, 409].includes(status)) this.hands.drop();
  }

  choices(select, pairs) {
    const told = JSON.stringify(pairs);
    if (select.dataset.told === told) return;
    const chosen = select.value;
    select.dataset.told = told;
    select.replaceChildren(...pairs.map(([value, name]) => new Option(name, value, false, value === chosen)));
  }

  async presets() {
    this.askAt = performance.now() + ASK_AGAIN_MS;
    const answer = await this.steering.order({ order: "presets" });
    if (!answer.ok) return;
    this.askAt = Infinity;
    this.choices($(".presets select", this.panel), answer.presets.map((one) => [one.preset, one.name || one.preset]));
    $(".presets", this.panel).hidden = answer.presets.length === 0;
  }

  translate() {
    fill(this.panel);
    this.surface.setAttribute("aria-label", say("surface", { name: this.camera.name }));
    this.update(this.camera);
  }

  // ---- orders ----

  drive(wanted) {
    this.steering.velocity(wanted);
    // a refusal stays to be read; any other news is over when hands move the head
    if (["done", "steering_lost", "steering_away"].includes(this.news.what)) this.tell("", {}, 0);
  }

  async order(order) {
    const answer = await this.steering.order(order);
    if (answer.ok) this.tell("done", { what: say(`do_${order.order}`) });
    return answer;
  }

  look(rectangle) {
    this.aim(false);
    if (rectangle) this.order({ order: "area", ...rectangle });
  }

  aim(on) {
    this.hands.aim(on);
    $("[data-do=area]", this.panel).setAttribute("aria-pressed", String(on));
  }

  listen() {
    this.panel.addEventListener("click", (event) => this.click(event));
    $("form", this.panel).addEventListener("submit", (event) => this.remember(event));
    for (const button of this.panel.querySelectorAll("[data-zoom]")) {
      button.addEventListener("pointerdown", ({ button: which }) => {
        if (which === 0) this.hands.holdZoom(Number(button.dataset.zoom));
      });
      for (const kind of ["pointerup", "pointercancel", "pointerleave"]) {
        button.addEventListener(kind, () => this.hands.holdZoom(0));
      }
    }
  }

  click(event) {
    const { do: what, zoom } = event.target.closest("button")?.dataset ?? {};
    const chosen = (name) => $(`.${name} select`, this.panel).value;
    if (zoom && event.detail === 0) this.hands.nudge(Number(zoom)); // by keyboard: a pointer has held it already
    else if (what === "area") this.aim(!this.hands.rectangleNext);
    else if (what === "stop") this.hands.halt();
    else if (what === "preset_goto") this.order({ order: what, preset: chosen("presets") });
    else if (what === "patrol_start") this.order({ order: what, patrol: chosen("patrols") });
    else if (what) this.order({ order: what });
  }

  async remember(event) {
    event.preventDefault();
    const field = $("input", this.panel);
    const answer = await this.order({ order: "preset_set", preset: field.value.trim() });
    if (!answer.ok) return;
    field.value = "";
    this.presets();
  }

  close() {
    this.hands.close();
    this.steering.close();
    this.surface.remove();
    this.panel.remove();
  }
}
