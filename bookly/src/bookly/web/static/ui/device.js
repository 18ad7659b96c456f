// A rough name of a browser and its system, from the User-Agent header, which any client can choose.

const BROWSERS = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Vivaldi\//, "Vivaldi"],
  [/(Firefox|FxiOS)\//, "Firefox"],
  [/(Chrome|CriOS|Chromium)\//, "Chrome"],
  [/Version\/.* Safari\//, "Safari"],
  [/^curl\//, "curl"],
  [/^(python-httpx|httpx|python-requests|aiohttp|Python)/i, "a Python program"],
  [/^(node|undici)/i, "a Node program"],
];
const SYSTEMS = [
  [/Android/, "Android"],
  [/iPhone|iPod/, "iPhone"],
  [/iPad/, "iPad"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Macintosh|Mac OS X/, "macOS"],
  [/Linux|X11/, "Linux"],
];

/** Return a name such as "Firefox on Linux". */
export function deviceName(userAgent) {
  if (!userAgent) return "An unknown program";
  const browser = nameIn(BROWSERS, userAgent);
  const system = nameIn(SYSTEMS, userAgent);
  if (!browser) return system ? `An unknown browser on ${system}` : "An unknown program";
  const name = browser[0].toUpperCase() + browser.slice(1);
  if (system) return `${name} on ${system}`;
  return browser === "curl" ? browser : name;
}

function nameIn(names, text) {
  return names.find(([pattern]) => pattern.test(text))?.[1];
}
