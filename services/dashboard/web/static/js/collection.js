// The collection's table: search, filter, order, pages, and what can be done with a purchase.

import { ask, getJson, tell } from "./api.js";
import { day, make, near, outLink, setText, size, word } from "./dom.js";

const PER_PAGE = matchMedia("(max-width: 56rem)").matches ? 20 : 50;
const view = { q: "", state: "", sort: "-purchased", page: 1, pages: 1 };
let asked = 0;

export async function showCollection() {
  const mine = ++asked;
  const query = new URLSearchParams({ q: view.q, state: view.state, sort: view.sort, page: view.page, per_page: PER_PAGE });
  try {
    const found = await getJson(`/api/collection?${query}`);
    if (mine !== asked) return; // a later question has been asked meanwhile
    view.pages = found.pages;
    if (view.page > found.pages) {
      view.page = found.pages;
      return showCollection();
    }
    show(found);
  } catch (error) {
    tell(error.message, true);
  }
}

function show(found) {
  const focused = document.activeElement?.dataset?.focus;
  document.getElementById("rows").replaceChildren(...found.items.map(row));
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  setText("found", `${found.total} ${found.total === 1 ? "purchase" : "purchases"}`);
  setText("page", `${found.page} / ${found.pages}`);
  document.getElementById("previous").disabled = found.page <= 1;
  document.getElementById("next").disabled = found.page >= found.pages;
}

function row(item) {
  const line = make("tr", `row s-${item.state}`);
  const tag = make("td");
  tag.append(make("span", "tag", word(item.state)));
  const title = make("td", "title");
  title.append(outLink(item.item_url, item.title) || item.title);
  const reason = make("td", "reason", item.reason + (item.next_try ? `; next try ${near(item.next_try)}` : ""));
  const help = outLink(item.link, "open");
  if (help) reason.append(" ", help);
  line.append(
    tag,
    make("td", "artist", item.artist),
    title,
    make("td", "num", item.format || ""),
    make("td", "num", item.size ? size(item.size) : ""),
    make("td", "day", item.purchased ? day(item.purchased) : ""),
    reason,
    actions(item),
  );
  return line;
}

function actions(item) {
  const cell = make("td");
  const group = make("span", "row-actions");
  if (item.error && ["failed", "waiting", "unavailable"].includes(item.state)) group.append(button(item, "retry", "orange"));
  if (item.state === "ignored") group.append(button(item, "unignore", "lavender"));
  else if (item.state !== "synced" && item.state !== "downloading") group.append(button(item, "ignore", "violet"));
  if (group.children.length) cell.append(group);
  return cell;
}

function button(item, action, colour) {
  const made = make("button", `pill small ${colour}`, action);
  made.type = "button";
  made.dataset.focus = `${action} ${item.key}`;
  made.setAttribute("aria-label", `${action} ${item.artist} – ${item.title}`);
  made.addEventListener("click", () => {
    ask(`/api/items/${encodeURIComponent(item.key)}/${action}`, `asked: ${action} ${item.title}`);
  });
  return made;
}

export function filterBy(state) {
  view.state = state;
  view.page = 1;
  document.getElementById("state-filter").value = state;
  showCollection();
}

function sortBy(column) {
  view.sort = view.sort === column ? `-${column}` : column;
  view.page = 1;
  markSort();
  showCollection();
}

function markSort() {
  for (const made of document.querySelectorAll("[data-sort]")) {
    const on = made.dataset.sort === view.sort.replace("-", "");
    const way = view.sort.startsWith("-") ? "descending" : "ascending";
    made.closest("th").setAttribute("aria-sort", on ? way : "none");
  }
}

export function startCollection() {
  let typing = 0;
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("q").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      view.q = event.target.value;
      view.page = 1;
      showCollection();
    }, 200);
  });
  document.getElementById("state-filter").addEventListener("change", (event) => filterBy(event.target.value));
  for (const made of document.querySelectorAll("[data-sort]")) {
    made.addEventListener("click", () => sortBy(made.dataset.sort));
  }
  const turn = (by) => () => {
    view.page = Math.min(view.pages, Math.max(1, view.page + by));
    showCollection();
  };
  document.getElementById("previous").addEventListener("click", turn(-1));
  document.getElementById("next").addEventListener("click", turn(1));
  markSort();
  showCollection();
}
