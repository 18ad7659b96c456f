// What the page remembers between visits, where storage is allowed.

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
