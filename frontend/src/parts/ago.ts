/** `<time datetime data-ago data-zone>`: kept current as "3 min ago · 14:03:10 CET", the date with it unless it is today's. */
import { agoAndExactly } from "../times";

const EVERY_MS = 10_000;

export function agoTimes(): void {
  const language = document.documentElement.lang || "en";
  const draw = (): void => {
    for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-ago]")) {
      const text = agoAndExactly(Date.parse(element.dateTime), Date.now(), element.dataset["zone"] ?? "UTC", language);
      if (element.textContent !== text) element.textContent = text;
    }
  };
  draw();
  setInterval(draw, EVERY_MS);
  // A part of the page was put in place anew.
  document.addEventListener("vsaas:fresh", draw);
}
