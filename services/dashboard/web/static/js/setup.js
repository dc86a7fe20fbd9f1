// @ts-check
// Hands over what is dropped, chosen or pasted. The fields are empty again as soon as it is on its way; the page keeps
// it only until the verdict is there, as one of the verdicts may want it sent once more.

import { NoAnswer, post, sentenceOf } from "./api.js";

const MAX_BYTES = 1024 * 1024;

/** @type {{ id: string, body: Blob } | null} */
let held = null;
/** The next hand-over is meant for another account. */
let switching = false;

const form = document.getElementById("hand-over");
const zone = document.getElementById("drop-zone");
const file = /** @type {HTMLInputElement | null} */ (document.getElementById("cookies-file"));
const text = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("cookies-text"));
const said = document.getElementById("hand-over-said");
const page = document.querySelector(".setup");
/** Which verdict was there when something newer was given. */
let outdated = "";

/**
 * @param {string} sentence
 * @param {boolean} [bad]
 */
function say(sentence, bad = false) {
  if (!said) return;
  said.textContent = sentence;
  said.classList.toggle("bad", bad);
}

/** Which verdict is there. */
function shownVerdict() {
  const { id, state, handed } = document.getElementById("part-verdict")?.dataset ?? {};
  return [id, state, handed].join();
}

/** The verdict on what was given before says nothing of what is given now. */
function outdate() {
  outdated = shownVerdict();
  page?.classList.add("outdated");
}

/** Leave nothing in the fields. */
function clear() {
  if (file) file.value = "";
  if (text) text.value = "";
}

/**
 * Hand over, and forget what was held before.
 * @param {Blob} given
 */
async function send(given) {
  held = null;
  outdate();
  if (given.size > MAX_BYTES) {
    clear();
    return say("This is larger than 1 MiB, which no list of cookies is.", true);
  }
  say("Handing it over …");
  try {
    // Read first: a chosen file cannot be read any more once its field is cleared.
    const body = new Blob([await given.arrayBuffer()]);
    clear();
    const { id } = await post(`/api/cookies${switching ? "?switch=true" : ""}`, body, "text/plain");
    held = { id, body };
    switching = false;
    say("Handed over, and sealed. The verdict follows within seconds.");
  } catch (error) {
    clear();
    say(error instanceof NoAnswer ? error.message : `${sentenceOf(error)} Give it once more, please.`, true);
  }
}

/** What was handed over is forgotten when it was judged, unless it may be wanted once more. */
function hear() {
  // Without a key to seal them to, cookies cannot be taken.
  if (form) form.inert = document.querySelector("#part-verdict .keyless") !== null;
  if (shownVerdict() !== outdated) page?.classList.remove("outdated");
  const part = document.getElementById("part-verdict");
  const { id, state } = part?.dataset ?? {};
  if (!held || id !== held.id || (state !== "accepted" && state !== "refused")) return;
  say("");
  if (!part?.querySelector("[data-switch]")) held = null;
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = text?.value.trim() ? new Blob([text.value]) : file?.files?.[0];
  if (given) send(given);
  else say("Choose a file, or paste the cookies first.", true);
});

file?.addEventListener("change", () => {
  const given = file.files?.[0];
  if (given) send(given);
});

// A file that misses the zone must not replace the page, so the whole window takes it.
for (const name of ["dragenter", "dragover"]) {
  window.addEventListener(name, (event) => {
    event.preventDefault();
    zone?.classList.add("over");
  });
}
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) zone?.classList.remove("over");
});
window.addEventListener("drop", (event) => {
  event.preventDefault();
  zone?.classList.remove("over");
  const given = event.dataTransfer?.files[0];
  const words = event.dataTransfer?.getData("text/plain");
  if (given) send(given);
  else if (words?.trim()) send(new Blob([words]));
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-switch]") : null;
  if (!(button instanceof HTMLButtonElement)) return;
  switching = true;
  if (held && held.id === button.dataset.switch) {
    send(held.body);
    return;
  }
  say("Hand the cookies over once more; the account is switched then.");
  text?.focus();
});

const place = document.getElementById("verdict-place");
hear();
if (place) new MutationObserver(hear).observe(place, { childList: true, subtree: true, attributes: true });

// A page that the browser brings back from its memory begins anew.
window.addEventListener("pagehide", () => {
  held = null;
  clear();
});
