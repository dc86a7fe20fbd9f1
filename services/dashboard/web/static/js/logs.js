// @ts-check
// The page of the logs: its filters are in the address, its lines come live.

import { base, tell } from "./api.js";
import { Feed } from "./logs/feed.js";
import { linesText, queryText, readAsked, sizeText, wordsOf } from "./logs/line.js";
import { View } from "./logs/view.js";

/** @typedef {import("./logs/line.js").Asked} Asked */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {{new(): T}} kind
 * @returns {T}
 */
function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`#${id} is missing`);
  return found;
}

const form = find("asked", HTMLFormElement);
const file = find("file", HTMLSelectElement);
const level = find("level", HTMLSelectElement);
const q = find("q", HTMLInputElement);
const log = find("log", HTMLElement);
const below = find("below", HTMLButtonElement);
const pause = find("pause-log", HTMLButtonElement);
const copy = find("copy", HTMLButtonElement);
const wrap = find("wrap", HTMLInputElement);
const state = find("log-state", HTMLElement);
const found = find("found", HTMLElement);

const WRAP = "logs-wrap";
const TYPING_MS = 250;

let asked = readAsked(location.search);
let connection = "connecting";
let searched = "";

const view = new View(log, (told) => {
  below.hidden = told.following || !told.below;
  below.textContent = linesText(told.below, "new") + " below";
  pause.textContent = told.paused ? `Resume · ${told.waiting.toLocaleString("en")} waiting` : "Pause log";
  log.classList.toggle("still", told.paused);
  const doing = told.paused ? "paused" : told.following ? "following" : "reading";
  const text = connection === "live" ? doing : connection;
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("lost", connection.startsWith("no connection"));
  found.textContent = linesText(told.shown) + searched;
  for (const count of document.querySelectorAll("[data-level-count]")) {
    const own = count.getAttribute("data-level-count");
    count.textContent = (own ? told.levels[own] || 0 : told.shown).toLocaleString("en");
  }
});

const feed = new Feed({
  tail(lines, bytes, complete) {
    searched = complete ? "" : ` · searched the last ${sizeText(bytes)}; the download has everything`;
    view.replace(lines, wordsOf(asked.q));
    if (!lines.length) view.nothing(`no lines${queryText(asked) && " that fit"}`);
  },
  line(line) {
    offer(line.service);
    view.add(line);
  },
  gap: (bytes) => view.gap(`${sizeText(bytes)} of log are left out here; the download has them`),
  state(now) {
    connection = now === "live" ? "live" : "no connection; it goes on from here by itself";
    view.report();
  },
});

// --- the filters ------------------------------------------------------------------------------------------------------

/**
 * @param {Asked} wanted
 * @param {"push" | "replace" | "none"} how it becomes the page's address
 */
function ask(wanted, how) {
  asked = wanted;
  [file.value, level.value, q.value] = [asked.file, asked.level, q.value.trim() === asked.q ? q.value : asked.q];
  const address = location.pathname + queryText(asked);
  if (how === "push") history.pushState(null, "", address);
  if (how === "replace") history.replaceState(null, "", address);
  showLinks();
  feed.ask(asked);
}

/** What leads elsewhere with the same filters: the downloads, and the levels at the side. */
function showLinks() {
  for (const link of document.querySelectorAll("a[data-download]")) {
    const service = link.getAttribute("data-download") || "";
    link.setAttribute("href", `${base}/api/logs/download${queryText({ ...asked, file: service })}`);
    link.toggleAttribute("hidden", asked.file !== "" && asked.file !== service);
  }
  for (const link of document.querySelectorAll("a[data-level]")) {
    const own = link.getAttribute("data-level") || "";
    link.setAttribute("href", queryText({ ...asked, level: own }) || location.pathname);
    if (own === asked.level) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/**
 * A service whose log came into being while the page was open.
 * @param {string} service
 */
function offer(service) {
  if ([...file.options].some((option) => option.value === service)) return;
  file.add(new Option(service, service));
  const last = [...document.querySelectorAll("a[data-download]")].at(-1);
  const link = document.createElement("a");
  link.className = "pill small tan";
  link.dataset.download = link.textContent = service;
  if (last) last.after(link);
  else document.getElementById("downloads")?.append(link);
  showLinks();
}

const given = () => ({ file: file.value, level: level.value, q: q.value.trim() });
let typing = 0;
q.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => ask(given(), "replace"), TYPING_MS);
});
for (const select of [file, level]) select.addEventListener("change", () => ask(given(), "push"));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  ask(given(), "push");
});
addEventListener("popstate", () => ask(readAsked(location.search), "none"));
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-level]") : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  ask({ ...asked, level: link.getAttribute("data-level") || "" }, "push");
});

// --- reading ----------------------------------------------------------------------------------------------------------

below.addEventListener("click", () => {
  view.toEnd();
  log.focus({ preventScroll: true });
});
pause.addEventListener("click", () => view.pause(!view.paused));
log.addEventListener("keydown", (event) => {
  if (event.target !== log || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && !event.shiftKey) {
    event.preventDefault();
    view.pause(!view.paused);
  } else if (event.key === "End") {
    event.preventDefault();
    view.toEnd();
  } else if (["ArrowUp", "PageUp", "Home"].includes(event.key)) view.leaveEnd();
});

copy.addEventListener("click", async () => {
  const texts = view.texts();
  if (!texts.length) return;
  try {
    await write(`${texts.join("\n")}\n`);
    tell(`${linesText(texts.length)} copied`);
  } catch {
    tell("the browser does not let this page copy", true);
  }
});

/** @param {string} text */
async function write(text) {
  // There is no clipboard for pages that come over plain HTTP from another machine.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  copy.focus();
  if (!done) throw new Error("refused");
}

try {
  wrap.checked = localStorage.getItem(WRAP) !== "no";
} catch {
  // A browser that keeps nothing of sites: lines are wrapped, as for who comes for the first time.
  wrap.checked = true;
}
function showWrap() {
  log.classList.toggle("unwrapped", !wrap.checked);
  view.schedule();
}
wrap.addEventListener("change", () => {
  showWrap();
  try {
    localStorage.setItem(WRAP, wrap.checked ? "yes" : "no");
  } catch {
    // It is as wished until the page is left.
  }
});

showWrap();
ask(asked, "none");
