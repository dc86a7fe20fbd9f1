// Requests to our own server, and the one line that tells how they went.

const token = document.querySelector('meta[name="csrf-token"]').content;

export async function getJson(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (response.status === 401) location.assign("/login");
  if (!response.ok) throw new Error(await detail(response));
  return response.json();
}

export async function post(path) {
  const response = await fetch(path, { method: "POST", headers: { "X-CSRF-Token": token } });
  if (response.status === 401) location.assign("/login");
  if (!response.ok) throw new Error(await detail(response));
  return response.json();
}

async function detail(response) {
  try {
    return (await response.json()).detail || response.statusText;
  } catch {
    return response.statusText;
  }
}

let hiding = 0;

export function tell(text, bad = false) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.classList.toggle("bad", bad);
  toast.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("shown"), bad ? 8000 : 3000);
}

// Asks for something, and says that it was asked for; what comes of it arrives as events.
export async function ask(path, said) {
  try {
    await post(path);
    tell(said);
  } catch (error) {
    tell(error.message, true);
  }
}
