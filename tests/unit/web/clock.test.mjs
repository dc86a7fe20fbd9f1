// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { countdownText, nearText, tick } from "../../../services/dashboard/web/static/js/clock.js";

test("an age is told in the largest unit that is full", () => {
  const cases = /** @type {[number, string][]} */ ([
    [-1, "just now"],
    [0, "just now"],
    [1, "in a moment"],
    [59, "in a moment"],
    [60, "in 1 minute"],
    [-119, "1 minute ago"],
    [-3600, "1 hour ago"],
    [-86399, "23 hours ago"],
    [-86400, "yesterday"],
    [86400, "tomorrow"],
    [-40 * 86400, "last month"],
    [-800 * 86400, "2 years ago"],
  ]);
  for (const [seconds, text] of cases) assert.equal(nearText(seconds), text, String(seconds));
});

test("a countdown has minutes and seconds, hours when it is long, days or years when it is longer", () => {
  const cases = /** @type {[number, string][]} */ ([
    [-5, "now"],
    [0, "now"],
    [0.2, "00:01"],
    [59, "00:59"],
    [60, "01:00"],
    [3599.5, "1 h 0 min"],
    [3600, "1 h 0 min"],
    [19920, "5 h 32 min"],
    [172800, "2 d 0 h"],
    [187200, "2 d 4 h"],
    [1209599, "13 d 23 h"],
    [1209600, "14 days"],
    [300.5 * 86400, "300 days"],
    [1134 * 86400, "3 years"],
  ]);
  for (const [seconds, text] of cases) assert.equal(countdownText(seconds), text, String(seconds));
});

/**
 * A `<time>` as far as the clock knows one.
 * @param {string} dateTime
 * @param {Record<string, string>} dataset
 */
function time(dateTime, dataset) {
  return { dateTime, dataset, textContent: "the server's words", title: "" };
}

/** @param {ReturnType<typeof time>[]} elements */
function place(elements) {
  return /** @type {any} */ ({ querySelectorAll: () => elements });
}

test("times are filled as their marks ask", () => {
  const soon = new Date(Date.now() + 90_500).toISOString();
  const [near, countdown, local] = ["near", "countdown", "local"].map((mark) => time(soon, { [mark]: "" }));
  tick(place([near, countdown, local]));
  assert.equal(near.textContent, "in 1 minute");
  assert.match(countdown.textContent, /^01:3[01]$/);
  assert.match(local.textContent, /20\d\d.*\d:\d\d/);
  assert.equal(near.title, local.textContent);
});

test("a time without a mark, and one that is none, keep the server's words", () => {
  const elements = [time(new Date().toISOString(), {}), time("never", { near: "" })];
  tick(place(elements));
  for (const element of elements) assert.equal(element.textContent, "the server's words");
});
