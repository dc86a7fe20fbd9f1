// @ts-check
// What changes with time alone: ages, waits and countdowns. The server writes `<time datetime data-near>` and its
// kin, this fills them and keeps them.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/**
 * "in 5 minutes", "3 hours ago", "just now".
 * @param {number} seconds from now; negative when it is past
 */
export function nearText(seconds) {
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 0 ? "in a moment" : "just now";
}

/**
 * "3 years", "40 days", "2 d 4 h", "5 h 12 min", "04:09"; "now" when the time has come.
 * @param {number} seconds
 */
export function countdownText(seconds) {
  const left = Math.ceil(seconds);
  if (left <= 0) return "now";
  if (left >= 2 * 31557600) return `${Math.floor(left / 31557600)} years`;
  if (left >= 14 * 86400) return `${Math.floor(left / 86400)} days`;
  if (left >= 172800) return `${Math.floor(left / 86400)} d ${Math.floor((left % 86400) / 3600)} h`;
  if (left >= 3600) return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
  return `${String(Math.floor(left / 60)).padStart(2, "0")}:${String(left % 60).padStart(2, "0")}`;
}

/**
 * Fill every time below an element.
 * @param {ParentNode} [place]
 */
export function tick(place = document) {
  const now = Date.now();
  for (const element of /** @type {NodeListOf<HTMLTimeElement>} */ (place.querySelectorAll("time[datetime]"))) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    const seconds = (at - now) / 1000;
    let text = "";
    if ("near" in element.dataset) text = nearText(seconds);
    else if ("countdown" in element.dataset) text = countdownText(seconds);
    else if ("local" in element.dataset) text = local.format(at);
    else continue;
    if (element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = local.format(at);
  }
}

/** Keep every time on the page right. */
export function startClock() {
  tick();
  setInterval(() => document.hidden || tick(), 1000);
}
