// @ts-check
// One purchase beside the list. Its address is the purchase's own page, so that it can be passed on and reloaded.

import { NoAnswer, sentenceOf, tell } from "../api.js";
import { morph } from "./morph.js";
import { Newest, Refused } from "./newest.js";

/** As in item.css: with less room a purchase opens as a page. */
const hasRoom = matchMedia("(min-width: 75.01rem)");

export class Panel {
  #newest = new Newest();
  #place = document.getElementById("panel");
  /** @type {string | null} */
  #address = null;

  get isOpen() {
    return this.#address !== null;
  }

  /** Whether there is room for it. */
  get fits() {
    return this.#place !== null && hasRoom.matches;
  }

  /**
   * Open a purchase, in a new place of the history or in that of the one before.
   * @param {string} address the purchase's page
   */
  async go(address) {
    history[this.isOpen ? "replaceState" : "pushState"]({ panel: true }, "", address);
    await this.show(address);
  }

  /**
   * Show this purchase; the address bar says it already.
   * @param {string} address
   */
  async show(address) {
    const isNew = address !== this.#address;
    this.#address = address;
    await this.#load();
    if (!isNew || this.#address !== address) return;
    this.#place?.scrollTo(0, 0);
    document.getElementById("item-title")?.focus({ preventScroll: true });
    this.mark();
    this.#row()?.scrollIntoView({ block: "nearest" });
  }

  /** Show the same again, as it is now. */
  async refresh() {
    if (this.isOpen) await this.#load();
  }

  /** Leave it the way the back button does. */
  leave() {
    if (history.state?.panel) history.back();
    else this.hide();
  }

  /** Be gone; the focus returns to the row. */
  hide() {
    if (!this.isOpen || !this.#place) return;
    const row = this.#row();
    const hadFocus = this.#place.contains(document.activeElement) || document.activeElement === document.body;
    this.#newest.forget();
    this.#address = null;
    this.#place.hidden = true;
    this.#place.replaceChildren();
    this.#place.parentElement?.classList.remove("has-panel");
    this.mark();
    const link = row?.querySelector(".open-item");
    if (hadFocus && link instanceof HTMLElement) link.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  /** Let the row of the open purchase be seen as such, and no other. */
  mark() {
    const own = this.#row();
    for (const row of document.querySelectorAll("#collection .open[data-key]")) row.classList.toggle("open", row === own);
    own?.classList.add("open");
  }

  #row() {
    const key = this.#address?.split("/").pop();
    return key ? document.getElementById(`row-${key}`) : null;
  }

  async #load() {
    if (!this.#place || !this.#address) return;
    try {
      const html = await this.#newest.get(`${this.#address}/panel`);
      if (html === null) return;
      const old = document.getElementById("item") || this.#place.appendChild(document.createElement("article"));
      old.id ||= "item";
      this.#place.hidden = false;
      this.#place.parentElement?.classList.add("has-panel");
      morph(old, html);
    } catch (error) {
      const isAway = error instanceof NoAnswer;
      tell(isAway ? "The dashboard does not answer; the purchase follows when it is back." : `This purchase could not be read: ${sentenceOf(error)}`, true);
      if (error instanceof Refused && error.status === 404) this.leave();
    }
  }
}
