// @ts-check
// What every page does: its live parts, and the buttons that ask for something.

import { ask } from "./api.js";
import { follow } from "./live.js";

const page = document.querySelector("script[data-page]")?.getAttribute("data-page") || "overview";
const line = document.getElementById("line");

follow(page, (state) => {
  if (line) line.textContent = state === "live" ? "live" : "no connection; trying again";
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-post]") : null;
  if (button instanceof HTMLButtonElement) ask(button.dataset.post || "", button.dataset.said || "asked");
});
