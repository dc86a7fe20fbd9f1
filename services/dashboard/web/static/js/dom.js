// Elements and words. Every text goes in as text, never as markup.

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

export function setText(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
}

// A link out, for http and https alone, whatever the data says.
export function outLink(url, text) {
  if (!/^https?:\/\//i.test(url || "")) return null;
  const link = make("a", "", text);
  link.href = url;
  link.rel = "noopener noreferrer";
  link.target = "_blank";
  return link;
}

export function size(bytes) {
  if (typeof bytes !== "number") return "–";
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 1000) return `${unit === "B" || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

export function day(moment) {
  const date = new Date(moment || NaN);
  return Number.isNaN(date.getTime()) ? "–" : date.toISOString().slice(0, 10);
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

// "in 5 minutes", "3 hours ago".
export function near(moment, none = "–") {
  const seconds = (new Date(moment || NaN).getTime() - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return none;
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds > 0 ? "in a moment" : "just now";
}

export function span(seconds) {
  if (typeof seconds !== "number") return "";
  const whole = Math.max(0, Math.round(seconds));
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return whole >= 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole} s`;
}

export const word = (state) => (state === "preorder" ? "pre-order" : state);
