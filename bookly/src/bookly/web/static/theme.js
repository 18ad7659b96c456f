// The chosen theme, the open drawer and the place of the search, set before the first paint. A module would run too late.
"use strict";

{
  const root = document.documentElement;
  const remembered = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // Storage is disabled.
    }
  };
  const theme = remembered("bookly-theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  root.toggleAttribute("data-was-in", remembered("bookly-was-in") === "yes");
  if ("hasDemo" in root.dataset) {
    const isWide = matchMedia("(min-width: 1100px)").matches;
    root.dataset.panel = remembered("bookly-panel") ?? (isWide ? "open" : "closed");
  }
}
