// @ts-check
// The lines on the page. They follow the newest until somebody scrolls up, and stand still while they are paused;
// what comes meanwhile waits. New lines are drawn once a frame, so that a flood does not stop the page.

import { dayText } from "./line.js";
import { dividerOf, rowOf } from "./row.js";

/** @typedef {import("./line.js").Line} Line */
/**
 * @typedef {object} Told how the view is, for what stands around it
 * @property {boolean} following
 * @property {boolean} paused
 * @property {number} below lines that came since somebody scrolled up
 * @property {number} waiting lines that are held back
 * @property {number} shown lines on the page
 * @property {Record<string, number>} levels lines on the page by level
 */

const MOST = 5000;
/** How long drawing may take in one frame; how many lines that is, is learned. */
const FRAME_MS = 10;
const PER_FRAME = { least: 30, most: 300 };
/** How far the waiting lines may grow beyond the most, so that they are not cut for each one. */
const SLACK = 500;

export class View {
  /**
   * @param {HTMLElement} place scrolls, and holds the lines
   * @param {(told: Told) => void} tell
   */
  constructor(place, tell) {
    this.place = place;
    this.tell = tell;
    /** @type {(Line | {gap: string})[]} */
    this.waiting = [];
    /** @type {string[]} */
    this.words = [];
    /** @type {WeakMap<Element, {text: string, level: string}>} */
    this.lines = new WeakMap();
    this.dropped = this.below = this.shown = this.frame = this.top = 0;
    /** @type {Record<string, number>} */
    this.levels = {};
    this.perFrame = PER_FRAME.most / 2;
    this.following = true;
    this.paused = false;
    this.day = "";
    place.addEventListener("scroll", () => this.scrolled(), { passive: true });
    place.addEventListener("wheel", (event) => event.deltaY < 0 && this.leaveEnd(), { passive: true });
    new ResizeObserver(() => this.schedule()).observe(place);
  }

  /**
   * These, and nothing else.
   * @param {Line[]} lines
   * @param {string[]} words to be marked
   */
  replace(lines, words) {
    this.clear();
    this.words = words;
    this.waiting = [];
    this.following = true;
    this.draw(lines);
    this.stay();
    this.schedule();
  }

  /** @param {Line} line */
  add(line) {
    this.waiting.push(line);
    if (this.waiting.length > MOST + SLACK) this.dropped += this.waiting.splice(0, this.waiting.length - MOST).length;
    this.schedule();
  }

  /**
   * Say between the lines that some are left out.
   * @param {string} text
   */
  gap(text) {
    this.waiting.push({ gap: text });
    this.schedule();
  }

  /**
   * Say that there is no line, until there is one.
   * @param {string} text
   */
  nothing(text) {
    this.place.replaceChildren(dividerOf("none", text));
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.paused = paused;
    this.schedule();
  }

  /** To the newest line, and on with every one that comes. */
  toEnd() {
    this.following = true;
    this.below = 0;
    this.stay();
    this.schedule();
  }

  /** The lines that the reader selected, or all there are, as they stand in the log. */
  texts() {
    const selection = getSelection();
    const range = selection && !selection.isCollapsed && selection.rangeCount ? selection.getRangeAt(0) : null;
    const rows = [...this.place.children].filter((row) => this.lines.has(row));
    const chosen = range ? rows.filter((row) => range.intersectsNode(row)) : [];
    return (chosen.length ? chosen : rows).map((row) => this.lines.get(row)?.text || "");
  }

  // --- drawing --------------------------------------------------------------------------------------------------------

  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawSome();
    });
  }

  drawSome() {
    const began = performance.now();
    const some = this.waiting.splice(0, this.room());
    // When so many wait that some had to go, every line on the page would have gone before them.
    if (some.length && this.dropped) this.clear();
    this.draw(some);
    this.trim();
    this.stay();
    this.report();
    if (!some.length) return;
    const fitting = (some.length * FRAME_MS) / Math.max(1, performance.now() - began);
    if (some.length > 20) this.perFrame = Math.max(PER_FRAME.least, Math.min(PER_FRAME.most, Math.round(fitting)));
    if (this.waiting.length) this.schedule();
  }

  /** How many lines may be drawn now. Whoever reads further up must not have lines taken away from above. */
  room() {
    if (this.paused) return 0;
    if (this.following) return this.perFrame;
    return this.dropped ? 0 : Math.max(0, Math.min(this.perFrame, MOST - this.shown));
  }

  clear() {
    this.place.replaceChildren();
    this.levels = {};
    this.dropped = this.below = this.shown = 0;
    this.day = "";
  }

  /** @param {(Line | {gap: string})[]} lines */
  draw(lines) {
    if (lines.length && !this.shown) this.place.querySelector(".d-none")?.remove();
    const rows = document.createDocumentFragment();
    for (const line of lines) {
      if ("gap" in line) {
        rows.append(dividerOf("gap", line.gap));
        continue;
      }
      const { row, level, at } = rowOf(line, this.words);
      const day = dayText(at);
      if (day && day !== this.day) rows.append(dividerOf("day", (this.day = day)));
      this.lines.set(row, { text: line.text, level });
      this.levels[level] = (this.levels[level] || 0) + 1;
      this.shown += 1;
      if (!this.following) this.below += 1;
      rows.append(row);
    }
    this.place.append(rows);
  }

  trim() {
    while (this.shown > MOST && this.place.firstElementChild) {
      const line = this.lines.get(this.place.firstElementChild);
      if (line) {
        this.shown -= 1;
        this.levels[line.level] -= 1;
      }
      this.place.firstElementChild.remove();
    }
  }

  // --- scrolling ------------------------------------------------------------------------------------------------------

  stay() {
    if (this.following) this.place.scrollTop = this.place.scrollHeight;
    this.top = this.place.scrollTop;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.place;
    const atEnd = scrollHeight - scrollTop - clientHeight < 4;
    if (scrollTop < this.top - 1 && !atEnd) this.following = false;
    else if (scrollTop > this.top && atEnd && !this.following) this.toEnd();
    this.top = scrollTop;
    this.report();
  }

  /** Somebody turns to what is further up. */
  leaveEnd() {
    if (this.place.scrollTop > 0) this.following = false;
  }

  report() {
    const { following, paused, below, shown, levels } = this;
    this.tell({ following, paused, below: following ? 0 : below + this.heldBelow(), waiting: this.held(), shown, levels });
  }

  held() {
    return this.waiting.length + this.dropped;
  }

  heldBelow() {
    return this.paused ? 0 : this.held();
  }
}
