// @ts-check
// Whether what the page shows is true now. While nothing is heard of the server the state says so, and as of when the
// rest is; the title says it too, as it is what one sees of a page that lies behind others.

/** A stream that breaks is mostly there again within a moment. */
const PATIENCE_MS = 3000;
const NO_CONNECTION = "no connection";

const own = document.title;
const line = document.getElementById("line");
/** When the stream broke, or was closed as nobody looked; 0 while it stands. */
let since = 0;
let waiting = 0;
let stands = false;

/**
 * What a title begins with: nothing while all is at rest, and nothing that may have become untrue.
 * @param {string} state
 */
function showTitle(state) {
  document.title = !state || state === "idle" ? own : `${state} · ${own}`;
}

/** The stream is there again: the parts that it sends first say how everything is. */
export function live() {
  const wasAway = since > 0;
  since = 0;
  stands = true;
  clearTimeout(waiting);
  waiting = 0;
  showLine("live");
  // Who asked for something meanwhile, in vain, may ask again.
  if (wasAway) document.dispatchEvent(new Event("live-again"));
}

/** The state has come, as it is now. */
export function stateCame() {
  showTitle(document.getElementById("state-word")?.textContent || "");
}

/** The stream broke. */
export function lost() {
  since ||= Date.now();
  stands = false;
  showLine(NO_CONNECTION);
  waiting ||= window.setTimeout(showLost, PATIENCE_MS);
}

/** The stream was closed, as nobody looks; nobody is told of a state either that nothing keeps true. */
export function closed() {
  since ||= Date.now();
  stands = false;
  clearTimeout(waiting);
  waiting = 0;
  showTitle("");
}

/** Whether the stream stands. */
export function isLive() {
  return stands;
}

/** @param {string} text */
function showLine(text) {
  if (!line) return;
  line.textContent = text;
  line.classList.toggle("lost", text !== "live");
}

function showLost() {
  showTitle(NO_CONNECTION);
  const state = document.getElementById("state");
  const word = document.getElementById("state-word");
  const why = document.getElementById("why");
  if (!state || !word || !why || state.classList.contains("o-lost")) return;
  const told = document.createElement("li");
  told.textContent = `as of ${new Date(since).toLocaleTimeString([], { hourCycle: "h23" })}: ${word.textContent}`;
  why.prepend(told);
  state.className = "state o-lost";
  word.textContent = NO_CONNECTION;
}
