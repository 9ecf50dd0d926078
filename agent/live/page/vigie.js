// The status page: asks for a grant, shows the cameras that it covers and how they are, each second.
// The grant lives in this module's memory only: it is never taken from an address, nor kept in storage or a cookie.

import { Helm } from "./helm.js";
import { Player, Refused, ask } from "./player.js";
import { choose, clock, current, fill, has, locale, say } from "./words.js";

const $ = (selector, from = document) => from.querySelector(selector);
const LAYOUTS = [1, 4, 16];
const POLL_MS = 1000;
const STEERING_POLL_MS = 400;

let grant = "";
let state = null;
let layout = 0;
let opened = null;
let gone = "";
let polling = 0;
const tiles = new Map();

function translate() {
  document.documentElement.lang = current();
  fill(document);
  const other = current() === "fr" ? "en" : "fr";
  $("#language").lang = other;
  $("#language").textContent = other === "en" ? "English" : "Français";
  if (state) show();
  for (const tile of tiles.values()) {
    tell(tile);
    tile.helm?.translate();
  }
}

function notice(text) {
  if ($("#notice").textContent !== text) $("#notice").textContent = text;
}

// ---- what the mast says ------------------------------------------------------------------------------------------

/** Asks, shows and asks again; a fault in what is shown is no silence of the mast, and goes to the console. */
async function poll() {
  const mine = grant;
  try {
    const told = await ask("/state", mine).then((answer) => answer.json()).catch((error) => error);
    if (mine !== grant) return;
    if (told instanceof Error) fail(told);
    else hear(told);
  } finally {
    if (mine === grant) {
      clearTimeout(polling);
      const steering = [...tiles.values()].some((tile) => tile.helm);
      polling = setTimeout(poll, steering ? STEERING_POLL_MS : POLL_MS);
    }
  }
}

function hear(told) {
  state = told;
  $("#ask").hidden = true;
  $("#wall").hidden = $("#leave").hidden = false;
  show();
  const news = [!state.synchronised && say("clock"), gone && say("camera_gone", { name: gone })];
  notice(news.filter(Boolean).join(" · "));
}

function fail(error) {
  if (error instanceof Refused && (error.status !== 503 || !state)) {
    leave(say(`refused${[401, 503].includes(error.status) ? error.status : ""}`, { why: error.message, seconds: 0 }));
    return;
  }
  notice(say("unreachable"));
  if (!state) $("#refused").textContent = say("unreachable");
}

function enter(given) {
  leave();
  grant = given.trim();
  $("#grant").value = "";
  if (!/^[\x21-\x7e]+$/.test(grant)) {
    leave(say("refused401", { why: "" }));
    return;
  }
  poll();
}

function leave(why = "") {
  clearTimeout(polling);
  grant = "";
  state = opened = null;
  gone = "";
  layout = 0;
  for (const tile of tiles.values()) drop(tile);
  $("#wall").hidden = $("#leave").hidden = $("#layouts").hidden = true;
  $("#ask").hidden = false;
  $("#until").textContent = "";
  notice("");
  $("#refused").textContent = why;
  $("#grant").focus();
}

// ---- the wall ----------------------------------------------------------------------------------------------------

function shown() {
  if (opened) return state.cameras.filter((camera) => camera.id === opened);
  return state.cameras.slice(0, layout);
}

/** A camera that a reload took away is seen no more; who looked at it alone is back at the wall, and told. */
function miss() {
  if (!opened || state.cameras.some((camera) => camera.id === opened)) return;
  gone = tiles.get(opened)?.camera.name ?? opened;
  opened = null;
}

function show() {
  miss();
  const count = state.cameras.length;
  layout ||= LAYOUTS.find((size) => size >= count) ?? 16;
  $("#until").textContent = say("until", {
    time: clock(new Date(state.grant_expires), "short"),
  });
  $("#layouts").hidden = count < 2;
  for (const button of $("#layouts").children) {
    button.setAttribute("aria-pressed", String(!opened && Number(button.dataset.layout) === layout));
  }
  const single = opened !== null || layout === 1;
  $("#wall").dataset.layout = single ? 1 : layout;
  const wanted = new Map(shown().map((camera) => [camera.id, camera]));
  for (const [id, tile] of tiles) if (!wanted.has(id) || tile.single !== single) drop(tile);
  for (const camera of wanted.values()) {
    const tile = tiles.get(camera.id) ?? make(camera, single);
    describe(tile, camera);
  }
}

function make(camera, single) {
  const node = $("#tile").content.firstElementChild.cloneNode(true);
  const tile = { id: camera.id, node, single, camera, said: ["connecting", {}] };
  const button = $(".open", node);
  button.hidden = state.cameras.length < 2;
  for (const one of [button, $(".steer", node)]) one.addEventListener("click", () => turn(camera.id));
  node.dataset.camera = camera.id;
  fill(node);
  $("#wall").append(node);
  tiles.set(camera.id, tile);
  takeHelm(tile, camera);
  const rendition = single ? "main" : "tile";
  tile.player = new Player($("video", node), camera.id, rendition, grant, state.ice_servers, (...said) => {
    tile.said = said;
    tell(tile);
  });
  tell(tile);
  return tile;
}

/** Puts hands on the picture where the camera turns, and takes them off when a reload took its head away. */
function takeHelm(tile, camera) {
  const turns = tile.single && camera.steering !== null;
  $(".steer", tile.node).hidden = tile.single || !camera.steering;
  if (turns === Boolean(tile.helm)) return;
  $(".unsteered", tile.node).hidden = turns;
  tile.node.classList.toggle("steered", turns);
  $(turns ? ".facts" : "figure", tile.node).prepend($(".open", tile.node)); // hands are on the picture
  tile.helm?.close();
  tile.helm = turns ? new Helm(tile.node, camera, grant) : null;
}

/** From the wall to one camera, or back. */
function turn(id) {
  gone = "";
  opened = opened === id || layout === 1 ? null : id;
  if (!opened && layout === 1) layout = LAYOUTS.find((size) => size >= state.cameras.length) ?? 16;
  show();
  $(`[data-camera="${id}"] :is(.surface, .open)`)?.focus();
}

function drop(tile) {
  tile.helm?.close();
  tile.player.close();
  tile.node.remove();
  tiles.delete(tile.id);
}

const why = (reason) => (has(`reason_${reason}`) ? say(`reason_${reason}`) : reason);

/** What lies over the picture: why there is none, or why all of it is masked. */
function tell(tile) {
  const [what, detail = {}] = tile.said;
  const key = {
    connecting: "connecting",
    retrying: detail.status === 503 ? "refused503" : "retrying",
    refused: { 401: "refused401", 403: "refused403" }[detail.status] ?? "refused",
  }[what];
  const over = $(".over", tile.node);
  const { name, masks, masks_reason: reason } = tile.camera;
  const text = key ? say(key, detail) : masks === "blind" ? `${say("masks_blind")} (${why(reason)})` : "";
  if (over.textContent !== text) over.textContent = text;
  tile.node.classList.toggle("playing", what === "playing");
  $(".open .hidden", tile.node).textContent = say(tile.single ? "back" : "open", { name });
}

function badge(kind, key, why = "") {
  const item = document.createElement("li");
  item.className = kind;
  item.textContent = say(key) + (why ? ` (${why})` : "");
  return item;
}

function describe(tile, camera) {
  const number = (value, digits = 0) => value.toLocaleString(locale(), { maximumFractionDigits: digits });
  $("h2", tile.node).textContent = camera.name;
  $("video", tile.node).setAttribute("aria-label", camera.name);
  tile.camera = camera;
  tell(tile);
  takeHelm(tile, camera);
  tile.helm?.update(camera);
  const badges = [
    badge(camera.capture === "live" ? "good" : "bad", `capture_${camera.capture}`, camera.capture_reason),
    badge(camera.masks === "burned" ? "good" : "bad", `masks_${camera.masks}`, why(camera.masks_reason)),
    badge(camera.recording ? "good" : "bad", `recording_${camera.recording ? "yes" : "no"}`, camera.recording_reason),
  ];
  if (camera.below_minimum) badges.push(badge("bad", "minimum"));
  const rows = [
    ["picture", `${camera.width} × ${camera.height}`],
    ["rate", say("fps", { value: number(camera.fps, 1) })],
    ["bitrate", `${number(camera.bitrate_kbps)} kbit/s`],
    ["masked", `${number(camera.masked_share * 100, 1)} %`],
    ["viewers", number(camera.viewers)],
    ["segment", camera.last_segment ?? say("none")],
  ];
  $("ul", tile.node).replaceChildren(...badges);
  $("dl", tile.node).replaceChildren(
    ...rows.map(([key, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = say(key);
      text.textContent = value;
      row.append(term, text);
      return row;
    }),
  );
}

// ---- hands -------------------------------------------------------------------------------------------------------

$("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("#grant").value);
});
$("#leave").addEventListener("click", () => leave());
$("#language").addEventListener("click", () => {
  choose(current() === "fr" ? "en" : "fr");
  translate();
});
$("#layouts").addEventListener("click", ({ target }) => {
  if (!target.dataset.layout) return;
  layout = Number(target.dataset.layout);
  opened = null;
  gone = "";
  show();
});
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && opened) {
    opened = null;
    show();
  }
});
window.addEventListener("pagehide", () => leave());

translate();
if (!("RTCPeerConnection" in window)) notice(say("unplayable"));
$("#grant").focus();
