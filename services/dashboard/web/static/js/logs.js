// The log: its tail, then every line as it is written. The stream is open only while the log is on screen.

import { getJson, tell } from "./api.js";
import { make } from "./dom.js";

const MOST = 1000;
let stream = null;
let seen = false;

function line(text) {
  const shown = make("div", / (ERROR|FATAL) /.test(text.slice(0, 40)) ? "error" : / WARN /.test(text.slice(0, 40)) ? "warn" : "");
  const match = /^(\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d))\.?\d*Z (.*)$/s.exec(text);
  if (!match) {
    shown.textContent = text;
    return shown;
  }
  const time = make("time", "", match[2]);
  time.dateTime = `${match[1]}Z`;
  time.title = `${match[1]}Z`;
  shown.append(time, " ", match[3]);
  return shown;
}

function add(log, lines) {
  log.append(...lines.map(line));
  while (log.children.length > MOST) log.firstChild.remove();
  if (document.getElementById("follow").checked) log.scrollTop = log.scrollHeight;
}

async function open() {
  close();
  const log = document.getElementById("log");
  const file = document.getElementById("log-file").value;
  const query = file ? `file=${encodeURIComponent(file)}` : "";
  const mine = new EventSource(`/api/logs/stream?${query}`);
  stream = mine;
  const early = [];
  let ready = false;
  mine.addEventListener("line", (event) => {
    const text = JSON.parse(event.data).line;
    if (ready) add(log, [text]);
    else early.push(text);
  });
  try {
    const tail = (await getJson(`/api/logs?lines=200&${query}`)).logs;
    if (stream !== mine) return;
    const lines = tail ? tail.split("\n") : [];
    log.replaceChildren();
    // A line that came while the tail was on its way is in both.
    const known = new Set(lines.slice(-50));
    add(log, [...lines, ...early.filter((text) => !known.has(text))]);
    ready = true;
  } catch (error) {
    tell(error.message, true);
  }
}

function close() {
  stream?.close();
  stream = null;
}

export function startLogs() {
  document.getElementById("log-file").addEventListener("change", () => seen && open());
  const watch = () => (seen && !document.hidden ? stream || open() : close());
  new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    watch();
  }, { rootMargin: "200px" }).observe(document.getElementById("log"));
  document.addEventListener("visibilitychange", watch);
}
