// The name of this tab, which its reloads keep.

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
