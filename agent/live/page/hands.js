// The hands on a camera's picture: pointer, wheel, keys and gamepad, and what is drawn of them.
// Whatever happens to them (released, focus lost, page hidden or left), `stop` is called once if they moved the head.

import { Pace, Wheel, ZOOM_SPEED, area, fitted, fromDrag, fromKeys, fromPad } from "./joystick.js";
import { moves, resting, scaled, sum } from "./joystick.js";

const TICK_MS = 25;
const FULL_REACH = 0.4;
const NOTCH = 100;

const pads = () => (navigator.getGamepads?.() ?? []).filter((pad) => pad?.connected && pad.mapping === "standard");

export class Hands {
  /**
   * `surface` lies over `video`. `act` is told velocity(wanted), stop(), area(rectangle), home(), and asked hfov().
   */
  constructor(surface, video, act) {
    Object.assign(this, { surface, video, act });
    this.pace = new Pace();
    this.wheel = new Wheel();
    this.keys = new Map(); // code -> key: what a key means may change while it is down, with Shift
    this.pressed = null;
    this.zoom = 0;
    this.rectangleNext = false;
    this.ending = new AbortController();
    this.listen();
    if (pads().length) this.run();
  }

  listen() {
    const { signal } = this.ending;
    const on = (target, kind, act) => target.addEventListener(kind, act, { signal, passive: false });
    on(this.surface, "pointerdown", (event) => this.press(event));
    on(this.surface, "pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      on(this.surface, kind, (event) => this.lift(event));
    }
    on(this.surface, "wheel", (event) => this.roll(event));
    on(this.surface, "contextmenu", (event) => event.preventDefault());
    on(this.surface, "keydown", (event) => this.keyDown(event));
    on(this.surface, "keyup", ({ code, key }) => this.keys.delete(code || key) && this.look());
    on(this.surface, "blur", () => this.dropKeys());
    on(window, "blur", () => this.release());
    on(window, "pagehide", () => this.release());
    on(document, "visibilitychange", () => document.hidden && this.release());
    on(window, "gamepadconnected", () => this.run());
  }

  // ---- what they ask for ----

  wanted(now) {
    const pulled = this.pressed && !this.pressed.rectangle ? this.pulled(this.pressed) : {};
    const held = document.hasFocus() ? pads().map(fromPad) : [];
    const all = sum(pulled, fromKeys(this.keys.values()), this.wheel.at(now), { zoom: this.zoom }, ...held);
    return scaled(all, this.act.hfov());
  }

  pulled({ from, to }) {
    const { width, height } = this.shown();
    return fromDrag(to.x - from.x, to.y - from.y, Math.min(width, height) * FULL_REACH);
  }

  /** Looks at the hands from now on, as long as there are any. */
  run() {
    if (this.ending.signal.aborted) return;
    this.timer ||= setInterval(() => this.look(), TICK_MS);
    this.look();
  }

  look() {
    const now = performance.now();
    const wanted = this.wanted(now);
    const what = this.pace.next(wanted, now);
    if (what === "velocity") this.act.velocity(wanted);
    if (what === "stop") this.act.stop();
    if (resting(wanted) && !this.pressed && !pads().length) this.rest();
  }

  rest() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /** All hands off. */
  release() {
    this.pressed = null;
    this.zoom = 0;
    this.keys.clear();
    this.wheel.release();
    this.draw();
    if (this.pace.next(sum(), 0) === "stop") this.act.stop();
    if (!pads().length) this.rest();
  }

  /** The buttons' zoom: -1, 0 or 1 while one is held. */
  holdZoom(sign) {
    this.zoom = sign * ZOOM_SPEED;
    if (sign || this.timer) this.run();
  }

  /** A little zoom, as by one notch of the wheel. */
  nudge(sign) {
    this.wheel.turn(-NOTCH * sign, false, performance.now());
    this.run();
  }

  /** The next pull draws a rectangle. */
  aim(on) {
    this.rectangleNext = on;
    this.surface.classList.toggle("aiming", on);
  }

  // ---- pointer ----

  shown() {
    const { clientWidth, clientHeight } = this.surface;
    const size = { width: this.video.videoWidth || 16, height: this.video.videoHeight || 9 };
    return fitted({ width: clientWidth, height: clientHeight }, size);
  }

  point({ clientX, clientY }) {
    const box = this.surface.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  press(event) {
    if (event.button !== 0 || this.pressed) return;
    event.preventDefault();
    this.surface.focus({ preventScroll: true });
    this.surface.setPointerCapture(event.pointerId);
    const at = this.point(event);
    this.pressed = { pointer: event.pointerId, from: at, to: at, rectangle: event.shiftKey || this.rectangleNext };
    this.draw();
    this.run();
  }

  drag(event) {
    if (this.pressed?.pointer !== event.pointerId) return;
    this.pressed.to = this.point(event);
    this.draw();
  }

  lift(event) {
    const pressed = this.pressed;
    if (pressed?.pointer !== event.pointerId) return;
    this.pressed = null;
    this.draw();
    this.look();
    if (!pressed.rectangle) return;
    this.aim(false);
    const found = event.type === "pointerup" ? area(pressed.from, this.point(event), this.shown()) : null;
    this.act.area(found);
  }

  /** Where the hand pulls to, or the rectangle, over the picture. */
  draw() {
    const { from, to, rectangle } = this.pressed ?? {};
    const [pull, box] = this.surface.children;
    pull.toggleAttribute("hidden", !this.pressed || rectangle);
    box.toggleAttribute("hidden", !this.pressed || !rectangle);
    if (!this.pressed) return;
    const shapes = [...pull.children];
    const places = [{ x1: from.x, y1: from.y, x2: to.x, y2: to.y }, { cx: from.x, cy: from.y }, { cx: to.x, cy: to.y }];
    shapes.forEach((shape, at) => Object.entries(places[at]).forEach((pair) => shape.setAttribute(...pair)));
    const [left, top] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    const [width, height] = [Math.abs(to.x - from.x), Math.abs(to.y - from.y)];
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  // ---- wheel and keys ----

  roll(event) {
    if (event.ctrlKey) return;
    event.preventDefault();
    this.wheel.turn(event.deltaY, event.deltaMode === WheelEvent.DOM_DELTA_LINE, performance.now());
    this.run();
  }

  keyDown(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { code, key } = event;
    if (!moves(key) && key !== "Home" && key !== " ") return;
    event.preventDefault();
    if (event.repeat) return;
    if (key === "Home") this.act.home();
    else if (key === " ") this.halt();
    else {
      this.keys.set(code || key, key);
      this.run();
    }
  }

  dropKeys() {
    this.keys.clear();
    this.look();
  }

  // ---- the end ----

  /** All hands off; the head is told nothing, as nobody may tell it or it has stopped. */
  drop() {
    this.pace.release();
    this.release();
  }

  /** All hands off, and a stop, whoever moves the head. */
  halt() {
    this.drop();
    this.act.stop();
  }

  close() {
    this.release();
    this.rest();
    this.ending.abort();
  }
}
