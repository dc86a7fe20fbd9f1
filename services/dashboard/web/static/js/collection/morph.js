// @ts-check
// New markup in the place of old, with what the reader has set in motion left as it is.

import { Idiomorph } from "../../vendor/idiomorph.esm.js";
import { tick } from "../clock.js";

/**
 * @param {Element} old
 * @param {string} html one element with the same id
 */
export function morph(old, html) {
  const focused = document.activeElement;
  const row = focused?.closest("[data-key]");
  const place = row ? rows().indexOf(row) : -1;
  Idiomorph.morph(old, html, {
    morphStyle: "outerHTML",
    // What someone types is theirs; any other element that has the focus says what is true now.
    ignoreActiveValue: focused?.matches("input, select, textarea") || false,
    callbacks: { beforeAttributeUpdated: (name, element) => !(name === "aria-expanded" && element.matches(".folder-key")) },
  });
  const now = document.getElementById(old.id);
  if (now) tick(now);
  if (focused && !focused.isConnected) refocus(row?.getAttribute("data-key") || "", place);
}

/** The rows of the table, or the tiles of the wall, that are shown. */
export function rows() {
  return [...document.querySelectorAll("#collection [data-key]")];
}

/**
 * What had the focus is gone: give it to its row, else to the row in its place.
 * @param {string} key
 * @param {number} place
 */
function refocus(key, place) {
  const own = document.getElementById(`open-${key}`);
  const near = rows()[Math.min(place, rows().length - 1)]?.querySelector(".open-item");
  const target = own || near || document.getElementById("item-title");
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
}
