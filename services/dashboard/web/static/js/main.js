// @ts-check
// What every page does: its live parts, its clocks, and the buttons that ask for something.

import { ask } from "./api.js";
import { startClock, tick } from "./clock.js";
import { follow } from "./live.js";

const page = document.getElementById("frame")?.dataset.page || "overview";
const line = document.getElementById("line");

/** @param {string} state */
function showTitle(state) {
  const own = document.documentElement.dataset.title || document.title;
  document.documentElement.dataset.title = own;
  document.title = state === "idle" ? own : `${state} · ${own}`;
}

follow(
  page,
  (state) => {
    if (!line) return;
    line.textContent = state === "live" ? "live" : "no connection";
    line.classList.toggle("lost", state !== "live");
  },
  (part) => {
    tick(part);
    if (part.id === "part-state") showTitle(part.querySelector("#state-word")?.textContent || "idle");
  },
);
startClock();

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-post]") : null;
  if (button instanceof HTMLButtonElement) ask(button.dataset.post || "", button.dataset.said || "asked");
});
