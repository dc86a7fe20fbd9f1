// @ts-check
// The keyboard: `/` searches; j leads into the list, and there j, k and the arrows go from purchase to purchase; Enter
// opens (it is a link), Escape closes.

import { rows } from "./morph.js";

/** @param {{ isOpen: boolean, leave: () => void }} panel */
export function listen(panel) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") escape(panel);
    else if (isTyping(event.target)) return;
    else if (event.key === "/") search(event);
    else step(event);
  });
  // What Escape has hidden is shown again when the reader goes on.
  for (const kind of ["pointermove", "focusin"]) {
    document.addEventListener(kind, () => document.body.classList.remove("no-folders"), { passive: true });
  }
}

/** @param {{ isOpen: boolean, leave: () => void }} panel */
function escape(panel) {
  document.body.classList.add("no-folders");
  for (const key of document.querySelectorAll('.folder-key[aria-expanded="true"]')) key.setAttribute("aria-expanded", "false");
  if (panel.isOpen) panel.leave();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}

/** @param {KeyboardEvent} event */
function search(event) {
  const field = document.getElementById("q");
  if (!(field instanceof HTMLInputElement)) return;
  event.preventDefault();
  field.focus();
  field.select();
}

/** @param {KeyboardEvent} event */
function step(event) {
  const all = rows();
  const row = document.activeElement?.closest("[data-key]");
  const at = row ? all.indexOf(row) : -1;
  // Outside of the list the arrows scroll.
  if (at < 0 && event.key !== "j") return;
  const to = at + distance(event.key, all);
  if (to === at) return;
  event.preventDefault();
  const link = all[Math.max(0, Math.min(to, all.length - 1))]?.querySelector(".open-item");
  if (link instanceof HTMLElement) link.focus();
}

/**
 * How many rows further a key leads; in the wall an arrow downwards leads a line further.
 * @param {string} key
 * @param {Element[]} all
 */
function distance(key, all) {
  const isWall = document.getElementById("wall") !== null;
  const top = all[0]?.getBoundingClientRect().top;
  const line = isWall ? Math.max(1, all.filter((one) => one.getBoundingClientRect().top === top).length) : 1;
  switch (key) {
    case "j": return 1;
    case "k": return -1;
    case "ArrowDown": return line;
    case "ArrowUp": return -line;
    case "ArrowRight": return isWall ? 1 : 0;
    case "ArrowLeft": return isWall ? -1 : 0;
    default: return 0;
  }
}
