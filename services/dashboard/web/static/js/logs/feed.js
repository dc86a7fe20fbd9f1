// @ts-check
// The stream of log lines, resumed where it broke: after a restart of the server, and after the page was hidden.

import { base } from "../api.js";
import { queryText } from "./line.js";

/** @typedef {import("./line.js").Asked} Asked */
/** @typedef {import("./line.js").Line} Line */
/**
 * @typedef {object} Heard what comes
 * @property {(lines: Line[], searched: number, complete: boolean) => void} tail in place of everything before
 * @property {(line: Line) => void} line
 * @property {(bytes: number) => void} gap so much of the logs is left out here
 * @property {(state: "live" | "lost") => void} state
 */

/** How many lines are asked for to begin with. */
const LINES = 1000;
const AGAIN_MS = 3000;

/** @param {{file: string, line: string}} told */
const lineOf = (told) => ({ service: told.file, text: told.line });

export class Feed {
  /** @param {Heard} heard */
  constructor(heard) {
    this.heard = heard;
    /** @type {Asked} */
    this.asked = { file: "", level: "", q: "" };
    /** @type {EventSource | null} */
    this.source = null;
    /** The position behind the last event; empty before the first. */
    this.reached = "";
    // A browser keeps few connections to one server: a page that nobody looks at gives its own back.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
  }

  /**
   * From now on these lines.
   * @param {Asked} asked
   */
  ask(asked) {
    this.asked = asked;
    this.reached = "";
    if (!document.hidden) this.open();
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  open() {
    this.close();
    const query = queryText(this.asked);
    const back = this.reached ? `&last_event_id=${encodeURIComponent(this.reached)}` : "";
    const mine = new EventSource(`${base}/api/logs/stream${query}${query ? "&" : "?"}lines=${LINES}${back}`);
    this.source = mine;
    mine.addEventListener("open", () => this.heard.state("live"));
    this.on(mine, "tail", (told) => this.heard.tail(told.lines.map(lineOf), told.searched, told.complete));
    this.on(mine, "line", (told) => this.heard.line(lineOf(told)));
    this.on(mine, "gap", (told) => this.heard.gap(told.bytes));
    this.on(mine, "position", () => {});
    mine.addEventListener("error", () => {
      if (this.source !== mine) return;
      this.heard.state("lost");
      // It tries again by itself, but not after an answer that is no stream (a proxy's, while the server restarts).
      if (mine.readyState === EventSource.CLOSED) setTimeout(() => this.source === mine && this.open(), AGAIN_MS);
    });
  }

  /**
   * @param {EventSource} source
   * @param {string} name
   * @param {(told: any) => void} take
   */
  on(source, name, take) {
    source.addEventListener(name, (event) => {
      if (this.source !== source) return;
      take(JSON.parse(event.data));
      this.reached = event.lastEventId;
    });
  }
}
