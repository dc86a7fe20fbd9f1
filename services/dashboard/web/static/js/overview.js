// The overview: state and why, the sum of the purchases, what arrives, what needs a person.

import { day, make, near, outLink, setText, size, span } from "./dom.js";

let latest = null;
let retries = [];

export function showStatus(status) {
  latest = status;
  const state = document.getElementById("state");
  state.className = `state ${status.state}`;
  setText("state-word", status.state);
  replaceList("why", status.why.slice(0, 4).map((reason) => make("li", "", reason)));
  document.title = status.state === "idle" ? "BandcampSync" : `${status.state} · BandcampSync`;
  showCounts(status.counts, status.purchases);
  showNeeds(status.needs_you);
  const pause = document.getElementById("pause");
  pause.dataset.action = status.paused ? "resume" : "pause";
  pause.textContent = status.paused ? "Resume" : "Pause";
  showFacts();
}

export function showFacts() {
  if (!latest) return;
  const { session, scrape, disk } = latest;
  const who = session.username ? `logged in as ${session.username}` : "logged in";
  setText("fact-login", session.logged_in ? who : "not logged in");
  const ends = session.expires ? day(session.expires) : session.logged_in ? "the browser's session ends" : "–";
  setText("fact-expires", session.expiry === "about to expire" ? `${ends} (soon)` : ends);
  const failed = scrape.result === "failed" ? " (failed)" : "";
  setText("fact-scrape", scrape.running_since ? "running now" : near(scrape.last_run_at, "never") + failed);
  setText("fact-music", size(disk.music));
  setText("fact-free", size(disk.free));
  setText("fact-retry", retries.length ? `${near(retries[0].not_before)} (${retries.length})` : "none");
}

function showCounts(counts, purchases) {
  for (const [state, number] of Object.entries(counts)) {
    const place = document.querySelector(`[data-count="${CSS.escape(state)}"]`);
    if (place) place.textContent = number;
    const part = document.querySelector(`#sum [data-state="${CSS.escape(state)}"]`);
    if (part) part.style.width = purchases ? `${(100 * number) / purchases}%` : "0";
  }
  setText("purchases", String(purchases));
}

function showNeeds(needs) {
  const shown = needs.slice(0, 12).map((need) => {
    const entry = make("li");
    entry.append(make("b", "", need.label), make("span", "", need.reason));
    const link = outLink(need.link, "open");
    if (link) entry.append(" ", link);
    return entry;
  });
  if (needs.length > 12) shown.push(make("li", "", `and ${needs.length - 12} more: see failed in the collection`));
  replaceList("needs", shown);
  document.getElementById("needs-none").hidden = needs.length > 0;
}

export function showQueue(queue) {
  retries = queue.retries;
  const list = document.getElementById("downloads");
  const known = new Map([...list.children].map((entry) => [entry.dataset.key, entry]));
  list.replaceChildren(...queue.current.map((one) => download(known.get(one.key), one)));
  document.getElementById("downloads-none").hidden = queue.current.length > 0;
  showFacts();
}

// The same element is kept for a download as long as it runs, so that its bar moves smoothly.
function download(known, one) {
  const entry = known || make("li", "download");
  if (!known) {
    entry.dataset.key = one.key;
    const facts = make("span", "download-facts");
    facts.append(make("span"), make("span"));
    entry.append(make("span", "download-name"), make("progress"), facts);
  }
  const name = `${one.artist} – ${one.title}`;
  entry.children[0].textContent = name;
  const bar = entry.children[1];
  bar.setAttribute("aria-label", name);
  if (one.bytes_total) {
    bar.max = one.bytes_total;
    bar.value = one.bytes_done;
  } else {
    bar.removeAttribute("value");
  }
  const [amount, pace] = entry.children[2].children;
  amount.textContent = one.bytes_total ? `${size(one.bytes_done)} of ${size(one.bytes_total)}` : size(one.bytes_done);
  const left = one.eta === null ? "" : `, ${span(one.eta)} left`;
  pace.textContent = one.bytes_per_second ? `${size(one.bytes_per_second)}/s${left}` : "";
  return entry;
}

function replaceList(id, entries) {
  const list = document.getElementById(id);
  const same = list.children.length === entries.length && entries.every((e, i) => e.isEqualNode(list.children[i]));
  if (!same) list.replaceChildren(...entries);
}
