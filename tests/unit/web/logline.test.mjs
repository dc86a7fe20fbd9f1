// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

process.env.TZ = "Europe/Berlin"; // before the module makes its formats
const { clockText, dayText, linesText, parse, pieces, queryText, readAsked, sizeText, topicOf, utcText, wordsOf } =
  await import("../../../services/dashboard/web/static/js/logs/line.js");

test("a line of ours comes apart into time, level, purchase and what is said", () => {
  const line = parse("2026-11-23T12:00:00.123Z WARN  worker p500000003 Holt - Moss: it broke");
  assert.deepEqual(line, {
    at: Date.UTC(2026, 10, 23, 12, 0, 0, 123),
    level: "WARN",
    word: "WARN",
    key: "p500000003",
    message: "Holt - Moss: it broke",
  });
  assert.equal(parse("2026-11-23T12:00:00.123Z INFO  worker - the worker is up").key, "");
  assert.equal(parse("2026-11-23T12:00:00.123Z INFO  worker - the worker is up").message, "the worker is up");
});

test("a purchase that ends with its key is told of without it, as the line has the key already", () => {
  const line = parse("2026-11-23T12:00:00Z INFO worker p500000003 Holt - Moss (p500000003): it broke");
  assert.deepEqual([line.key, line.message], ["p500000003", "Holt - Moss: it broke"]);
  const other = parse("2026-11-23T12:00:00Z INFO worker p500000003 not Holt - Moss (p500000004)");
  assert.deepEqual([other.key, other.message], ["p500000003", "not Holt - Moss (p500000004)"]);
});

test("a level counts as one of four, and FATAL as an error", () => {
  const levels = /** @type {[string, string][]} */ ([
    ["DEBUG", "DEBUG"],
    ["INFO", "INFO"],
    ["WARNING", "WARN"],
    ["ERROR", "ERROR"],
    ["FATAL", "ERROR"],
    ["CRITICAL", "ERROR"],
    ["NOTE", "INFO"],
  ]);
  for (const [word, level] of levels) assert.equal(parse(`2026-11-23T12:00:00Z ${word} worker - x`).level, level, word);
});

test("what stands in the place of the purchase and is none is part of what is said", () => {
  assert.equal(parse("2026-11-23T12:00:00Z INFO worker ../x said").message, "../x said");
  assert.equal(parse("2026-11-23T12:00:00Z INFO worker ../x said").key, "");
});

test("any other line is all message", () => {
  for (const text of ["", "  at a traceback", "2026-11-23 12:00 ERROR no", "<b>2026-11-23T12:00:00Z</b>"]) {
    const line = parse(text);
    assert.deepEqual([line.message, line.word, line.key, Number.isNaN(line.at)], [text, "", "", true], text);
  }
});

test("what people look for is recognised by what the stages say", () => {
  const cases = /** @type {[string, string][]} */ ([
    ["yt-dlp: [Bandcamp:album] moss: Downloading webpage", "yt-dlp"],
    ["yt-dlp: HTTP Error 429", "yt-dlp"],
    ["Bandcamp asks for patience (429); everyone waits until 12:00:00 UTC", "rate limit"],
    ["waiting: Bandcamp asks for patience (429); nothing is asked before 2026-11-23 12:00:00 UTC", "rate limit"],
    ["ALARM session: not logged in to Bandcamp (sent to the login page): log in again", "cookies"],
    ["waiting: no cookies yet: log in to Bandcamp in a browser", "cookies"],
    ["the login in cookies.txt expired on 2026-11-23: log in to Bandcamp again and export new cookies", "cookies"],
    ["alarm session is over", "cookies"],
    ["Holt - Moss: the connection broke; next try 2026-11-23 12:05:00 UTC", "retry"],
    ["no use of https://bandcamp.com/x (502); asking again in 0.5 s", "retry"],
    ["Bandcamp is preparing the files; asking again in 4 s", "retry"],
    ["the connection broke; going on", "retry"],
    ["retry: Holt - Moss", "retry"],
    ["27 purchases (2 new, 0 gone, 0 released) by a short walk of 3 requests", ""],
    ["Los Blogins - Login is in place: Los Blogins/x", "cookies"], // a name can fool it; that does no harm
    ["Cookiecutter - Catalogue is in place: Cookiecutter/Catalogue", ""],
  ]);
  for (const [message, topic] of cases) assert.equal(topicOf(message), topic, message);
});

test("times are told where the reader is, and in full in UTC", () => {
  const at = Date.UTC(2026, 10, 23, 23, 4, 5, 7);
  assert.equal(clockText(at), "00:04:05.007");
  assert.equal(utcText(at), "2026-11-23 23:04:05.007 UTC");
  assert.equal(dayText(at), "Tuesday, November 24, 2026");
  assert.equal(dayText(NaN), "");
});

test("the words of a search are marked in any case, the longest first, and none is a pattern", () => {
  const marked = (/** @type {string} */ text, /** @type {string} */ q) =>
    pieces(text, wordsOf(q)).map((piece) => (piece.hit ? `[${piece.text}]` : piece.text)).join("");
  assert.equal(marked("Moss and moss", "MOSS"), "[Moss] and [moss]");
  assert.equal(marked("downloads", "down downloads"), "[downloads]");
  assert.equal(marked("a.b (c) $& \\", ". ( $& \\"), "a[.]b [(]c) [$&] [\\]");
  assert.equal(marked("nothing", ""), "nothing");
  assert.deepEqual(wordsOf("  Moss  HOLT moss "), ["moss", "holt"]);
});

test("the filters are read from an address as they were written", () => {
  for (const asked of [
    { file: "", level: "", q: "" },
    { file: "worker", level: "WARN", q: "moss & more = 100%" },
    { file: "", level: "", q: "é #+ <b>" },
  ]) {
    assert.deepEqual(readAsked(queryText(asked)), asked);
  }
  assert.equal(queryText({ file: "", level: "", q: "" }), "");
  assert.equal(readAsked("?level=LOUD").level, "");
  assert.equal(readAsked(`?q=${"x".repeat(500)}`).q.length, 200);
});

test("counts and sizes are told as people write them", () => {
  assert.equal(linesText(1), "1 line");
  assert.equal(linesText(37, "new"), "37 new lines");
  assert.equal(linesText(5000), "5,000 lines");
  assert.deepEqual([0, 999, 1000, 123_456, 33_554_432, 5e9].map(sizeText), ["0 B", "999 B", "1.0 kB", "123 kB", "33.6 MB", "5.0 GB"]);
});
