// Starts the parts of the page, and keeps them up to date from one stream of events.

import { ask } from "./api.js";
import { filterBy, showCollection, startCollection } from "./collection.js";
import { setText } from "./dom.js";
import { startLogs } from "./logs.js";
import { showFacts, showQueue, showStatus } from "./overview.js";

function later(work, wait) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      work();
    }, wait);
  };
}

const refresh = later(showCollection, 300);

function listen() {
  const events = new EventSource("/api/events");
  let first = true;
  events.addEventListener("open", () => setText("line", "live"));
  events.addEventListener("status", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("queue", (event) => showQueue(JSON.parse(event.data)));
  events.addEventListener("collection", () => {
    if (!first) refresh();
    first = false;
  });
  events.addEventListener("error", () => {
    setText("line", "no connection; trying again");
    // It tries again by itself, but not after an answer that is no stream (a proxy's, while the server restarts).
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => {
        refresh();
        listen();
      }, 3000);
    }
  });
}

for (const button of document.querySelectorAll("button[data-action]")) {
  button.addEventListener("click", () => {
    ask(`/api/actions/${button.dataset.action}`, `asked: ${button.textContent.toLowerCase()}`);
  });
}
for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    filterBy(button.dataset.filter);
    document.getElementById("collection").scrollIntoView();
  });
}
startCollection();
startLogs();
listen();
setInterval(showFacts, 15000);
