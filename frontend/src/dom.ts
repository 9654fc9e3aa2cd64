/** Small helpers to build elements: no markup in strings, nothing inline, so that the strict policy holds. */
type Child = Node | string | null;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean | null>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of the player: a 24-unit path, drawn in the text's colour. */
export function icon(name: keyof typeof PATHS): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** An icon of the page's own set (`templates/icons.html`), by its name there. */
export function sprite(name: string, classes = "icon"): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", classes);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(button: Element, name: keyof typeof PATHS): void {
  const path = button.querySelector("path");
  if (path && path.getAttribute("d") !== PATHS[name]) path.setAttribute("d", PATHS[name]);
}

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  back: "M11 7 5 12l6 5M18 7l-6 5 6 5",
  forward: "m13 7 6 5-6 5M6 7l6 5-6 5",
  stepBack: "M7 6v12M18 6l-8 6 8 6z",
  stepOn: "M17 6v12M6 6l8 6-8 6z",
  plus: "M12 5v14M5 12h14",
  compare: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  sound: "M4 9v6h4l5 4V5L8 9zM16.500 8.500a5 5 0 0 1 0 7M19 6a8.500 8.500 0 0 1 0 12",
  muted: "M4 9v6h4l5 4V5L8 9zM17 9.500l5 5M22 9.500l-5 5",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  small: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  zoom: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 20 20M10.500 8v5M8 10.500h5",
  still: "M4 8h4l1.500-2.500h5L16 8h4v11H4zM12 10a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z",
  clip: "M7 4.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM7 14.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM9 8.500 20 16M9 15.500 20 8",
  area: "M4 9V4h5M15 4h5v4M4 15v5h4M12.500 9a4.250 4.250 0 1 0 0 8.500 4.250 4.250 0 0 0 0-8.500zM15.700 16.300 20.500 21",
  pip: "M4 5h16v14H4zM12 12h6v5h-6z",
  steer: "M12 3v18M3 12h18M12 3 9.500 5.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500",
  help: "M9 9.500a3 3 0 1 1 4.200 2.700c-.8.4-1.200 1-1.200 1.800v.5M12 18h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  ok: "M12 3 4.500 6v6c0 4.500 3.200 7.600 7.500 9 4.300-1.400 7.500-4.500 7.500-9V6zM9 12l2.200 2.200L15.500 10",
  open: "M7 11V8a5 5 0 0 1 9.600-2M5 11h14v9H5zM12 15v2",
  lock: "M8 11V8a4 4 0 0 1 8 0v3M6 11h12v9H6zM12 14.500v2",
  bad: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6",
  warn: "M12 4 2.500 20h19zM12 10v4.500M12 17.500h.01",
  wait: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2",
  off: "m3 3 18 18M7 7H5a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h10M11 7h3a2 2 0 0 1 2 2v3l5 3.500V8.500",
} as const;
