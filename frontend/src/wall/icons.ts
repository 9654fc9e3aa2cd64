/** Icons of the wall, drawn like the player's: 24-unit paths in the text's colour. */
const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  back: "M19 12H5M11 6l-6 6 6 6",
  bigger: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  close: "m6 6 12 12M18 6 6 18",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  small: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  left: "m15 5-7 7 7 7",
  right: "m9 5 7 7-7 7",
  move: "M12 3v18M3 12h18M12 3 9 6M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  muted: "M4 9v6h4l5 4V5L8 9zM17 9.500l5 5M22 9.500l-5 5",
  recordings: "M3 12a9 9 0 1 0 3-6.700L3 8M3 3v5h5M12 7v5l3 2",
  sound: "M4 9v6h4l5 4V5L8 9zM16.500 8.500a5 5 0 0 1 0 7M19 6a8.500 8.500 0 0 1 0 12",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  plus: "M12 5v14M5 12h14",
  views: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  auto: "M3 5h10v9H3zM15 5h6v4h-6zM15 11h6v3h-6zM3 16h5v3H3zM10 16h11v3H10z",
  "1": "M3 5h18v14H3z",
  "2x2": "M3 5h18v14H3zM12 5v14M3 12h18",
  "3x3": "M3 5h18v14H3zM9 5v14M15 5v14M3 9.700h18M3 14.300h18",
  "1+5": "M3 5h18v14H3zM15 5v14M3 14.300h18M15 9.700h6M9 14.300V19",
  "4x4": "M3 5h18v14H3zM7.500 5v14M12 5v14M16.500 5v14M3 8.500h18M3 12h18M3 15.500h18",
  "5x5": "M3 5h18v14H3zM6.600 5v14M10.200 5v14M13.800 5v14M17.400 5v14M3 7.800h18M3 10.600h18M3 13.400h18M3 16.200h18",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Makes the icon of a button another one. */
export function setIcon(button: Element, name: IconName): void {
  const path = button.querySelector("path");
  if (path && path.getAttribute("d") !== PATHS[name]) path.setAttribute("d", PATHS[name]);
}
