// What the page remembers between visits, where storage is allowed.

/** Return this tab's name for the server, the same after a reload. */
export function tabName() {
  const fresh = Math.random().toString(36).slice(2, 10).padEnd(8, "0");
  try {
    const name = sessionStorage.getItem("bookly-tab") ?? fresh;
    sessionStorage.setItem("bookly-tab", name);
    return name;
  } catch {
    return fresh;
  }
}

export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is disabled or full: it lasts as long as the page.
  }
}
