// From hands to velocities: what a drag, keys, a wheel or a gamepad ask for. Pure: nothing here touches the page.
// A velocity is { pan, tilt, zoom }, each -1..1; pan grows to the right, tilt up, zoom in.

export const REST = Object.freeze({ pan: 0, tilt: 0, zoom: 0 });
export const DEAD_PX = 6;
export const DEAD_STICK = 0.12;
export const KEY_SPEED = 0.3;
export const ZOOM_SPEED = 0.6;
export const SMALLEST_AREA = 0.02;

const SOONEST_MS = 50;
const REPEAT_MS = 150;
const NOTCH_MS = 160;
const NOTCH_PX = 100;
const LONGEST_WHEEL_MS = 480;
const WIDEST_DEG = 60;
const SLOWEST = 0.02;
const KEYS = {
  ArrowLeft: { pan: -KEY_SPEED },
  ArrowRight: { pan: KEY_SPEED },
  ArrowUp: { tilt: KEY_SPEED },
  ArrowDown: { tilt: -KEY_SPEED },
  "+": { zoom: ZOOM_SPEED },
  "=": { zoom: ZOOM_SPEED },
  "-": { zoom: -ZOOM_SPEED },
};

const bounded = (value) => Math.min(1, Math.max(-1, value));

/** Whether this key moves the head while it is held. */
export const moves = (key) => Object.hasOwn(KEYS, key);

export const resting = ({ pan, tilt, zoom }) => pan === 0 && tilt === 0 && zoom === 0;

/** Several hands at once. */
export function sum(...velocities) {
  const total = { ...REST };
  for (const one of velocities) for (const axis of Object.keys(one)) total[axis] += one[axis];
  return { pan: bounded(total.pan), tilt: bounded(total.tilt), zoom: bounded(total.zoom) };
}

/** Nothing within `dead`, then growing with the square, full at `reach`: slow moves stay easy. */
function pull(x, y, dead, reach) {
  const far = Math.hypot(x, y);
  if (!(far > dead) || !(reach > dead)) return { pan: 0, tilt: 0 };
  const share = Math.min(1, (far - dead) / (reach - dead)) ** 2;
  return { pan: bounded((x / far) * share), tilt: bounded((y / far) * share) };
}

/** From the press point to the pointer in pixels (y down); full speed `reach` pixels away. */
export const fromDrag = (dx, dy, reach) => ({ ...REST, ...pull(dx, -dy, DEAD_PX, reach) });

export const fromKeys = (held) => sum(...[...held].filter(moves).map((key) => KEYS[key]));

/** A gamepad of the standard mapping: left stick turns; triggers, or the right stick, zoom. */
export function fromPad({ axes, buttons }) {
  const [x = 0, y = 0, , right = 0] = axes;
  const squeezed = (buttons[7]?.value ?? 0) - (buttons[6]?.value ?? 0);
  const zoom = [squeezed, -right].find((one) => Math.abs(one) > DEAD_STICK) ?? 0;
  return { ...pull(x, -y, DEAD_STICK, 1), zoom: bounded(zoom) };
}

/** The more the lens magnifies, the slower the head turns: a picture passes at the same pace at every zoom. */
export function scaled(velocity, hfovDeg) {
  const factor = hfovDeg ? Math.min(1, Math.max(SLOWEST, hfovDeg / WIDEST_DEG)) : 1;
  return { pan: velocity.pan * factor, tilt: velocity.tilt * factor, zoom: velocity.zoom };
}

/** A wheel zooms for a moment at each notch; turning it the other way begins anew. */
export class Wheel {
  constructor() {
    this.until = 0;
    this.sign = 0;
  }

  turn(deltaY, inLines, now) {
    const notches = inLines ? deltaY / 3 : deltaY / NOTCH_PX;
    const sign = -Math.sign(notches);
    if (sign === 0) return;
    const from = sign === this.sign ? Math.max(this.until, now) : now;
    this.sign = sign;
    this.until = Math.min(now + LONGEST_WHEEL_MS, from + Math.abs(notches) * NOTCH_MS);
  }

  at(now) {
    return { ...REST, zoom: now < this.until ? this.sign * ZOOM_SPEED : 0 };
  }

  release() {
    this.until = 0;
  }
}

/** When to say what: a change 20 times a second at most, the same again before the head stops by itself, one stop. */
export class Pace {
  constructor() {
    this.release();
  }

  /** "velocity", "stop" or nothing, for what is wanted at `now` (ms). */
  next(wanted, now) {
    if (resting(wanted)) {
      const told = this.told;
      this.release();
      return told ? "stop" : "";
    }
    const same = this.told && Object.keys(REST).every((axis) => Math.abs(wanted[axis] - this.told[axis]) < 0.005);
    if (this.told && now - this.at < (same ? REPEAT_MS : SOONEST_MS)) return "";
    this.told = wanted;
    this.at = now;
    return "velocity";
  }

  release() {
    this.told = null;
    this.at = 0;
  }
}

/** Where a picture of `size` stands in a `box` that it is fitted into whole: { left, top, width, height }. */
export function fitted(box, size) {
  const scale = Math.min(box.width / size.width, box.height / size.height);
  const [width, height] = [size.width * scale, size.height * scale];
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}

/** The rectangle between two points, in fractions of the picture `shown`; null when it is too small to be meant. */
export function area(from, to, shown) {
  const share = (value, start, length) => Math.min(1, Math.max(0, (value - start) / length));
  const across = [from.x, to.x].map((x) => share(x, shown.left, shown.width)).sort((a, b) => a - b);
  const down = [from.y, to.y].map((y) => share(y, shown.top, shown.height)).sort((a, b) => a - b);
  const [width, height] = [across[1] - across[0], down[1] - down[0]];
  return width < SMALLEST_AREA || height < SMALLEST_AREA ? null : { x: across[0], y: down[0], width, height };
}
