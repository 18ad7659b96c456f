// The chosen theme, set before the first paint. A module would run too late.
"use strict";

try {
  const chosen = localStorage.getItem("bookly-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is disabled: the system's theme is used.
}
