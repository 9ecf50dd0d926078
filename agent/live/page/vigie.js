// The status page: asks for a grant, shows the cameras that it covers and how they are, each second.
// The grant lives in this module's memory only: it is never taken from an address, nor kept in storage or a cookie.

import { Player, Refused, ask } from "./player.js";
import { choose, current, say } from "./words.js";

const $ = (selector, from = document) => from.querySelector(selector);
const LAYOUTS = [1, 4, 16];

let grant = "";
let state = null;
let layout = 0;
let opened = null;
let polling = 0;
const tiles = new Map();

const locale = () => (current() === "fr" ? "fr-FR" : "en-GB");

function translate() {
  document.documentElement.lang = current();
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  $("#layouts").setAttribute("aria-label", say("layouts"));
  const other = current() === "fr" ? "en" : "fr";
  $("#language").lang = other;
  $("#language").textContent = other === "en" ? "English" : "Français";
  if (state) show();
  for (const tile of tiles.values()) tell(tile);
}

function notice(text) {
  if ($("#notice").textContent !== text) $("#notice").textContent = text;
}

// ---- what the mast says ------------------------------------------------------------------------------------------

async function poll() {
  const mine = grant;
  try {
    const next = await (await ask("/state", mine)).json();
    if (mine !== grant) return;
    state = next;
    notice(state.synchronised ? "" : say("clock"));
    $("#ask").hidden = true;
    $("#wall").hidden = $("#leave").hidden = false;
    show();
  } catch (error) {
    if (mine !== grant) return;
    if (error instanceof Refused && (error.status !== 503 || !state)) {
      leave(say(`refused${[401, 503].includes(error.status) ? error.status : ""}`, { why: error.message, seconds: 0 }));
      return;
    }
    notice(say("unreachable"));
    if (!state) $("#refused").textContent = say("unreachable");
  }
  clearTimeout(polling);
  polling = setTimeout(poll, 1000);
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

function show() {
  const count = state.cameras.length;
  layout ||= LAYOUTS.find((size) => size >= count) ?? 16;
  $("#until").textContent = say("until", {
    time: new Date(state.grant_expires).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" }),
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
  const tile = { id: camera.id, name: camera.name, node, single, said: ["connecting", {}] };
  const button = $(".open", node);
  button.hidden = state.cameras.length < 2;
  button.addEventListener("click", () => {
    opened = opened === camera.id || layout === 1 ? null : camera.id;
    if (!opened && layout === 1) layout = LAYOUTS.find((size) => size >= state.cameras.length) ?? 16;
    show();
    $(`[data-camera="${camera.id}"] .open`)?.focus();
  });
  node.dataset.camera = camera.id;
  $("#wall").append(node);
  tiles.set(camera.id, tile);
  const rendition = single ? "main" : "tile";
  tile.player = new Player($("video", node), camera.id, rendition, grant, state.ice_servers, (...said) => {
    tile.said = said;
    tell(tile);
  });
  tell(tile);
  return tile;
}

function drop(tile) {
  tile.player.close();
  tile.node.remove();
  tiles.delete(tile.id);
}

/** What lies over the picture: why there is none. */
function tell(tile) {
  const [what, detail = {}] = tile.said;
  const key = {
    connecting: "connecting",
    retrying: detail.status === 503 ? "refused503" : "retrying",
    refused: { 401: "refused401", 403: "refused403" }[detail.status] ?? "refused",
  }[what];
  const over = $(".over", tile.node);
  const text = key ? say(key, detail) : "";
  if (over.textContent !== text) over.textContent = text;
  tile.node.classList.toggle("playing", what === "playing");
  $(".open .hidden", tile.node).textContent = say(tile.single ? "back" : "open", { name: tile.name });
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
  const badges = [
    badge(camera.capture === "live" ? "good" : "bad", `capture_${camera.capture}`, camera.capture_reason),
    badge(camera.masks === "burned" ? "good" : "bad", `masks_${camera.masks}`, camera.masks_reason),
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
