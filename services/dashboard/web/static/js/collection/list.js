// @ts-check
// The list: what it shows is what the address bar says. Links and the search change the address, and the server renders.

import { NoAnswer, sentenceOf, tell } from "../api.js";
import { morph } from "./morph.js";
import { Newest, Refused } from "./newest.js";

const TYPING_MS = 160;

export class List {
  #newest = new Newest();
  #typing = 0;
  #isTyped = false;
  /** Whether the list is not yet what the address says. */
  isBehind = false;
  /** The address of which the reader knows that it could not be shown. */
  #told = "";
  /** Called when it could not be shown now, but may be in a while. */
  onfail = () => {};
  /** Called when the reader, not the server, brings about a change. */
  onleave = () => {};

  /** @param {string} home the collection's path */
  constructor(home) {
    this.home = home;
    this.address = location.pathname + location.search;
    remember(this.address);
    document.addEventListener("input", (event) => {
      if (event.target instanceof HTMLInputElement && event.target.id === "q") this.#typed();
    });
    document.addEventListener("submit", (event) => {
      if (!(event.target instanceof HTMLFormElement) || event.target.id !== "search") return;
      event.preventDefault();
      this.#search();
    });
  }

  /**
   * Go to another part of the collection.
   * @param {string} address
   * @param {"push" | "replace"} [how] what becomes of the present place in the history
   */
  go(address, how = "push") {
    this.#isTyped = false;
    this.#move(address, how);
    return this.show(address);
  }

  /**
   * Show what this address says; the address bar says it already.
   * @param {string} address
   */
  async show(address) {
    clearTimeout(this.#typing);
    this.#typing = 0;
    this.address = address;
    remember(address);
    await this.#load();
  }

  /** Show the same again, as it is now. */
  async refresh() {
    // What is being typed brings a newer answer by itself.
    if (!this.#typing) await this.#load();
  }

  /** Let the search say what the address says, also when it has the focus. */
  followSearch() {
    const field = document.getElementById("q");
    if (field instanceof HTMLInputElement) field.value = new URL(this.address, location.href).searchParams.get("q") || "";
    this.#isTyped = false;
  }

  async #load() {
    const address = this.address;
    this.isBehind = true;
    try {
      const html = await this.#newest.get(`${this.home}/list${new URL(address, location.href).search}`);
      const old = document.getElementById("collection");
      if (html === null || !old) return;
      morph(old, html);
      this.isBehind = false;
      this.#told = "";
    } catch (error) {
      const isAway = error instanceof NoAnswer;
      // It is tried again and again, but told of once.
      if (this.#told !== address) {
        tell(isAway ? "The dashboard does not answer; the list follows when it is back." : `The collection could not be read: ${sentenceOf(error)}`, true);
      }
      this.#told = address;
      if (isAway || (error instanceof Refused && error.mayPass)) this.onfail();
    }
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = window.setTimeout(() => this.#search(), TYPING_MS);
  }

  #search() {
    const form = document.getElementById("search");
    if (!(form instanceof HTMLFormElement)) return;
    const given = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && value) given.append(name, value);
    }
    const address = this.home + (given.size ? `?${given}` : "");
    // A word that is typed is one step of the history, not one for each letter.
    const how = this.#isTyped ? "replace" : "push";
    this.#isTyped = true;
    this.#move(address, how);
    this.show(address);
  }

  /** @param {string} address @param {"push" | "replace"} how */
  #move(address, how) {
    const isHere = address === location.pathname + location.search;
    // An open purchase gives its place in the history to the new list.
    const takesPlace = how === "replace" || isHere || Boolean(history.state?.panel);
    history[takesPlace ? "replaceState" : "pushState"](null, "", address);
    this.onleave();
  }
}

/** @param {string} address */
function remember(address) {
  try {
    sessionStorage.setItem("collection", address);
  } catch {
    // No storage is allowed: then a purchase's page leads back to the whole collection.
  }
}

/** Where the reader was in the collection last, if that is known. */
export function lastAddress() {
  try {
    return sessionStorage.getItem("collection");
  } catch {
    return null;
  }
}
