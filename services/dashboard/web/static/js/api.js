// @ts-check
// Requests to our own server, below whatever path a proxy shows us, and the one line that tells how they went.

export const base = document.documentElement.dataset.base || "";

/** Nothing answered at all: the server, or the way to it, is not there. */
export class NoAnswer extends Error {
  constructor() {
    super("The dashboard does not answer; try again when it is back.");
  }
}

/** @type {Promise<string> | undefined} */
let token;

/**
 * As `fetch`, but what it throws is for people: NoAnswer in place of the browser's own words.
 * @param {string} address
 * @param {RequestInit} [options]
 */
export async function request(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    throw options?.signal?.aborted ? error : new NoAnswer();
  }
}

/**
 * An answer of the API as JSON; the error's own sentence is thrown.
 * @param {string} path below the root, as `/api/queue`
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function getJson(path, options = {}) {
  const response = await request(base + path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  if (response.status === 401) toLogin();
  if (!response.ok) throw new Error(await detail(response));
  return response.json();
}

/** The login leads back to this page. */
function toLogin() {
  location.assign(`${base}/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** To the login, if nobody is logged in any more: a stream that was refused does not tell why. */
export async function leaveIfLoggedOut() {
  const response = await fetch(`${base}/api/token`).catch(() => null);
  if (response?.status === 401) toLogin();
}

/**
 * Ask for a change, with this session's token.
 * @param {string} path
 * @param {BodyInit} [body]
 * @param {string} [type] the body's content type
 * @returns {Promise<any>}
 */
export async function post(path, body, type) {
  token ||= getJson("/api/token").then((answer) => answer.token);
  try {
    const headers = { "X-CSRF-Token": await token, ...(type ? { "Content-Type": type } : {}) };
    return await getJson(path, { method: "POST", headers, body });
  } catch (error) {
    token = undefined; // the session may be another one by now
    throw error;
  }
}

/**
 * What an answer that refuses says of itself.
 * @param {Response} response
 * @returns {Promise<string>}
 */
export async function detail(response) {
  const said = response.statusText || `status ${response.status}`;
  try {
    return String((await response.json()).detail || said);
  } catch {
    return said;
  }
}

/**
 * The sentence of whatever was thrown.
 * @param {unknown} error
 */
export function sentenceOf(error) {
  return sentence(error instanceof Error ? error.message : String(error));
}

/**
 * With a capital to begin with, and an end.
 * @param {string} text
 */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

let hiding = 0;

/**
 * Say something in passing, at the foot of the page.
 * @param {string} text
 * @param {boolean} [bad]
 */
export function tell(text, bad = false) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.textContent = sentence(text);
  toast.classList.toggle("bad", bad);
  toast.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("shown"), bad ? 8000 : 3000);
}

/**
 * Asks for something, and says that it was asked for; what comes of it arrives as live parts.
 * @param {string} path
 * @param {string} said
 */
export async function ask(path, said) {
  try {
    await post(path);
    tell(said);
  } catch (error) {
    tell(sentenceOf(error), true);
  }
}
