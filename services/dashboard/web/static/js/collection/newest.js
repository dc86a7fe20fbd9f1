// @ts-check
// Pieces of pages, rendered by the server. Of several that are asked for only the newest counts.

import { detail, request } from "../api.js";

/** An answer that is no piece of a page. */
export class Refused extends Error {
  /** @param {number} status @param {string} sentence */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }

  /** Whether the same may be answered in a while. */
  get mayPass() {
    return this.status >= 500 || this.status === 429;
  }
}

export class Newest {
  /** @type {AbortController | null} */
  #asking = null;

  /**
   * The markup at this address; null when something newer was asked for meanwhile.
   * @param {string} address
   * @returns {Promise<string | null>}
   */
  async get(address) {
    this.forget();
    const mine = new AbortController();
    this.#asking = mine;
    try {
      const response = await request(address, { signal: mine.signal });
      // The session ended: what came is the page to log in at.
      if (response.redirected) location.assign(response.url);
      if (!response.ok) throw new Refused(response.status, await detail(response));
      const html = await response.text();
      return this.#asking === mine && !response.redirected ? html.trim() : null;
    } catch (error) {
      if (mine.signal.aborted) return null;
      throw error;
    }
  }

  /** What is still on its way counts no more. */
  forget() {
    this.#asking?.abort();
    this.#asking = null;
  }
}
