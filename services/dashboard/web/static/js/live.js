// @ts-check
// Keeps the page's live parts up to date: the server renders them, and each is morphed into place, so that focus,
// selection and running transitions survive.

import { Idiomorph } from "../vendor/idiomorph.esm.js";
import { base, leaveIfLoggedOut } from "./api.js";

/**
 * Follow the parts of a page for as long as it is looked at.
 * @param {string} page
 * @param {{ live: () => void, lost: () => void, closed: () => void }} told called when the stream stands, when it breaks
 *   (also each time that another try fails), and when it is closed because nobody looks
 * @param {(part: Element) => void} [shown] called for each part that was changed
 */
export function follow(page, told, shown = () => {}) {
  /** @type {EventSource | null} */
  let source = null;

  function open() {
    const mine = new EventSource(`${base}/live/${page}`);
    source = mine;
    mine.addEventListener("open", () => source === mine && told.live());
    mine.addEventListener("part", (event) => {
      const { id, html } = JSON.parse(event.data);
      const part = document.getElementById(id);
      if (!part) return;
      // What someone types is theirs; any other element that has the focus, as a button, says what is true now.
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const ignoreActiveValue = focused?.matches("input, select, textarea") || false;
      Idiomorph.morph(part, html, { morphStyle: "outerHTML", ignoreActiveValue });
      const now = document.getElementById(id);
      if (focused && !focused.isConnected) standAt(now);
      if (now) shown(now);
    });
    mine.addEventListener("error", () => {
      if (source !== mine) return;
      told.lost();
      // It tries again by itself, but not after an answer that is no stream (a proxy's, while the server restarts).
      if (mine.readyState !== EventSource.CLOSED) return;
      setTimeout(() => source === mine && open(), 3000);
      leaveIfLoggedOut();
    });
  }

  /**
   * What had the focus is gone, as a purchase that needs nobody any more: go on from the title of its panel.
   * @param {Element | null} part
   */
  function standAt(part) {
    const title = part?.closest(".panel")?.querySelector("h2");
    if (!title) return;
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }

  // A browser keeps few connections to one server: a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    source = null;
    if (document.hidden) told.closed();
    else open();
  });
  if (!document.hidden) open();
}
