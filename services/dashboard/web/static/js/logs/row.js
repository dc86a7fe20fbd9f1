// @ts-check
// A log line as an element. Whatever a line holds is text, never markup.

import { base } from "../api.js";
import { clockText, parse, pieces, topicOf, utcText } from "./line.js";

/** @typedef {import("./line.js").Line} Line */

const SERVICES = ["scraper", "reconciler", "worker", "dashboard"];

/**
 * @param {string} tag
 * @param {string} name its class
 * @param {string} [text]
 */
function made(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * The element of a line, its level, and when it was written.
 * @param {Line} line
 * @param {string[]} words what was searched for
 */
export function rowOf(line, words) {
  const { at, level, word, key, message } = parse(line.text);
  const row = made("p", `entry l-${level.toLowerCase()}`);
  const time = document.createElement("time");
  if (!Number.isNaN(at)) {
    time.dateTime = new Date(at).toISOString();
    time.title = utcText(at);
    time.textContent = clockText(at);
  }
  const known = SERVICES.includes(line.service) ? line.service : "other";
  const said = made("span", "entry-said");
  const topic = topicOf(message);
  if (topic) said.append(made("span", `topic t-${topic.replace(" ", "-")}`, topic), " ");
  if (key) said.append(keyLink(key), " ");
  for (const piece of pieces(message, words)) said.append(piece.hit ? made("mark", "", piece.text) : piece.text);
  // The blanks part the columns for whoever copies, or listens.
  row.append(time, " ", made("span", `entry-service of-${known}`, line.service), " ", made("span", "entry-level", word), " ", said);
  return { row, level, at };
}

/** @param {string} key */
function keyLink(key) {
  const link = document.createElement("a");
  link.href = `${base}/collection/${encodeURIComponent(key)}`;
  link.textContent = key;
  return link;
}

/**
 * What stands between lines: a new day, or that some are left out.
 * @param {string} kind
 * @param {string} text
 */
export function dividerOf(kind, text) {
  return made("p", `divider d-${kind}`, text);
}
