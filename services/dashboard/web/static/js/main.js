// @ts-check
// What every page does: its live parts, its clocks, and the buttons that ask for something.

import { ask } from "./api.js";
import { startClock, tick } from "./clock.js";
import { closed, live, lost, stateCame } from "./connection.js";
import { follow } from "./live.js";

follow(
  document.getElementById("frame")?.dataset.page || "overview",
  { live, lost, closed },
  (part) => {
    tick(part);
    if (part.id === "part-state") stateCame();
  },
);
startClock();

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-post]") : null;
  if (button instanceof HTMLButtonElement) ask(button.dataset.post || "", button.dataset.said || "asked");
});
