// @ts-check
// The collection's page: the list follows the address, a purchase opens beside it, and both follow the books.

import { listen } from "./collection/keys.js";
import { lastAddress, List } from "./collection/list.js";
import { morph } from "./collection/morph.js";
import { Newest } from "./collection/newest.js";
import { Panel } from "./collection/panel.js";
import { showProgress } from "./collection/progress.js";
import { base } from "./api.js";
import { isLive } from "./connection.js";

const REFRESH_MS = 1000;
const AGAIN_MS = 3000;
const home = `${base}/collection`;
const panel = new Panel();
const list = document.getElementById("collection") ? new List(home) : null;
const alone = list ? null : new Newest();

if (list) {
  list.onleave = () => panel.hide();
  // Whatever is refused while the server is away comes when it is back.
  list.onfail = () => setTimeout(() => isLive() && list.isBehind && changed(), AGAIN_MS);
}
listen(panel);

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  const button = event.target.closest("button");
  if (button?.matches("#main [data-post]")) button.classList.add("asked");
  if (button?.matches(".folder-key")) toggle(button);
  const link = event.target.closest("a");
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (link && list && isPlain && followed(link, list)) event.preventDefault();
});

/**
 * Follow a link without leaving the page, if it is one of ours.
 * @param {HTMLAnchorElement} link
 * @param {List} shown
 */
function followed(link, shown) {
  const address = link.pathname + link.search;
  if (link.matches("[data-list][href]")) {
    const turns = "turn" in link.dataset; // of the link as it is now; it is another one afterwards
    shown.go(address).then(() => turns && toTop());
  } else if (link.matches("#close") && panel.isOpen) {
    panel.leave();
  } else if (link.matches(".open-item") && panel.fits) {
    panel.go(address);
  } else {
    return false;
  }
  return true;
}

/** Another page of the list begins at its beginning. */
function toTop() {
  document.getElementById("collection")?.scrollIntoView({ block: "start" });
  // On the last page there is no next one to go to.
  if (document.activeElement === document.body || document.activeElement?.matches("[aria-disabled]")) {
    const first = document.querySelector("#collection .open-item");
    if (first instanceof HTMLElement) first.focus({ preventScroll: true });
  }
}

/** @param {HTMLButtonElement} key */
function toggle(key) {
  const isOpen = key.getAttribute("aria-expanded") === "true";
  for (const other of document.querySelectorAll(".folder-key")) other.setAttribute("aria-expanded", "false");
  key.setAttribute("aria-expanded", String(!isOpen));
}

addEventListener("popstate", async () => {
  if (!list) return;
  const here = location.pathname + location.search;
  if (location.pathname.startsWith(`${home}/`)) {
    if (panel.fits) await panel.show(here);
    else location.reload();
    return;
  }
  panel.hide();
  if (here === list.address && !list.isBehind) return;
  const shown = list.show(here);
  list.followSearch();
  await shown;
});

// A purchase's own page leads back to where the reader was.
const back = document.getElementById("close");
if (!list && back instanceof HTMLAnchorElement) back.href = lastAddress() || back.href;

let refreshed = 0;
let refreshing = 0;

/** The books changed: show them anew, but not more often than can be read. */
function changed() {
  if (refreshing) return;
  refreshing = window.setTimeout(async () => {
    await Promise.all([list?.refresh(), panel.refresh(), refreshAlone()]);
    panel.mark();
    showProgress();
    refreshed = performance.now();
    refreshing = 0;
  }, Math.max(0, refreshed + REFRESH_MS - performance.now()));
}

async function refreshAlone() {
  const item = document.getElementById("item");
  if (!alone || !item) return;
  const html = await alone.get(`${location.pathname}/panel?page=1`).catch(() => null);
  if (html !== null) morph(item, html);
}

/**
 * Call `told` whenever a live part was changed.
 * @param {string} id
 * @param {() => void} told
 */
function watch(id, told) {
  const part = document.getElementById(id);
  const everything = { attributes: true, childList: true, characterData: true, subtree: true };
  if (part) new MutationObserver(told).observe(part, everything);
}

document.addEventListener("live-again", changed);
watch("part-collection_version", changed);
watch("part-collection_progress", showProgress);
