// @ts-check
// What a log line says, and how it is told. Pure: texts in, values out.

/**
 * @typedef {object} Line
 * @property {string} service whose log it is in
 * @property {string} text the whole line
 */
/**
 * @typedef {object} Parsed
 * @property {number} at milliseconds since the epoch; NaN when the line has no time
 * @property {"DEBUG" | "INFO" | "WARN" | "ERROR"} level what it counts as
 * @property {string} word the level as the line has it; empty when it has none
 * @property {string} key the purchase that it is about, or empty
 * @property {string} message
 */
/** @typedef {{file: string, level: string, q: string}} Asked the filters, as in the address; empty for all */

const SHAPE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) +([A-Z]+) +\S+ (\S+) ?([\s\S]*)$/;
const KEY = /^[a-z]{1,2}\d+$/;
/** @type {Record<string, Parsed["level"]>} */
const LEVELS = { DEBUG: "DEBUG", INFO: "INFO", WARN: "WARN", WARNING: "WARN", ERROR: "ERROR", FATAL: "ERROR", CRITICAL: "ERROR" };

/** The server takes no longer search than this. */
const MOST_ASKED = 200;

// The first that fits says what a line is about.
/** @type {[string, RegExp][]} */
const TOPICS = [
  ["yt-dlp", /^yt-dlp: /],
  ["rate limit", /asks for patience|\b429\b|too many requests|rate.?limit/i],
  ["cookies", /\bcookies?\b|\blog(?:ged)? (?:in|out)\b|\blogin\b|^ALARM session\b|^alarm session is over|re-?authenticat/i],
  ["retry", /next try|asking again|tried again|trying again|; going on$|^retry\b|\bretrying\b/i],
];

/**
 * The parts of a line as `logs/setup.py` writes it. Of any other line everything is the message.
 * @param {string} text
 * @returns {Parsed}
 */
export function parse(text) {
  const found = SHAPE.exec(text);
  if (!found) return { at: NaN, level: "INFO", word: "", key: "", message: text };
  const [, time, word, key, message] = found;
  const about = KEY.test(key) ? key : "";
  // A purchase's name ends with its key, which the line has already.
  const own = about ? message.replace(` (${about})`, "") : message;
  // What stands in the key's place and is none belongs to what is said, but for the dash that stands for nothing.
  const said = about || key === "-" ? own : `${key} ${message}`.trimEnd();
  return { at: Date.parse(time), level: LEVELS[word] || "INFO", word, key: about, message: said };
}

/**
 * What a message is about, where that is one of the things that people look for; else empty.
 * @param {string} message
 */
export function topicOf(message) {
  return TOPICS.find(([, shape]) => shape.test(message))?.[0] || "";
}

/**
 * The time of day where the reader is: "14:03:22.123".
 * @param {number} at
 */
export function clockText(at) {
  const day = new Date(at);
  const [hours, minutes, seconds] = [day.getHours(), day.getMinutes(), day.getSeconds()].map((n) => String(n).padStart(2, "0"));
  return `${hours}:${minutes}:${seconds}.${String(day.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * The same moment in full, in UTC: "2026-11-23 12:00:00.123 UTC".
 * @param {number} at
 */
export function utcText(at) {
  return `${new Date(at).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

const days = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/**
 * The day where the reader is: "Monday, November 23, 2026"; empty for no time.
 * @param {number} at
 */
export function dayText(at) {
  return Number.isNaN(at) ? "" : days.format(at);
}

/**
 * The words that all have to occur.
 * @param {string} q
 */
export function wordsOf(q) {
  return [...new Set(q.toLowerCase().split(/\s+/).filter(Boolean))];
}

/**
 * A text in pieces, those that are one of the words apart from the others.
 * @param {string} text
 * @param {string[]} words in lower case
 * @returns {{text: string, hit: boolean}[]}
 */
export function pieces(text, words) {
  if (!words.length) return [{ text, hit: false }];
  // The longest first, so that "downloads" is not taken for "download".
  const any = [...words].sort((a, b) => b.length - a.length).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const parts = text.split(new RegExp(`(${any.join("|")})`, "giu"));
  return parts.map((part, at) => ({ text: part, hit: at % 2 === 1 })).filter((part) => part.text);
}

/**
 * The filters as an address has them: "?file=worker&q=moss", or nothing.
 * @param {Asked} asked
 */
export function queryText(asked) {
  const given = Object.entries(asked).filter(([, value]) => value);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/**
 * The filters of an address.
 * @param {string} search
 * @returns {Asked}
 */
export function readAsked(search) {
  const given = new URLSearchParams(search);
  const [file, level, q] = ["file", "level", "q"].map((name) => (given.get(name) || "").slice(0, MOST_ASKED));
  return { file, level: ["INFO", "WARN", "ERROR"].includes(level) ? level : "", q: q.trim() };
}

/**
 * "1 line", "2,300 lines".
 * @param {number} count
 * @param {string} [what] what stands between the number and the word
 */
export function linesText(count, what = "") {
  return `${count.toLocaleString("en")} ${what}${what && " "}line${count === 1 ? "" : "s"}`;
}

/**
 * "820 B", "12.4 MB".
 * @param {number} bytes
 */
export function sizeText(bytes) {
  let value = bytes;
  for (const unit of ["B", "kB", "MB"]) {
    if (value < 1000) return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} GB`;
}
