/** Light, dark, or as the system is. A cookie keeps it, so that the portal's first byte has the right theme already. */
import { keep } from "./cookies";

export type Theme = "" | "light" | "dark";

export function chooseTheme(theme: Theme): void {
  keep("vsaas_theme", theme, "/");
  const root = document.documentElement;
  if (theme === "") root.removeAttribute("data-chosen-theme");
  else root.dataset["chosenTheme"] = theme;
  for (const radio of document.querySelectorAll<HTMLInputElement>("[data-themes] input")) {
    radio.checked = radio.value === theme;
  }
  colourBrowser();
  // What draws on a canvas reads its colours when it draws.
  dispatchEvent(new Event("resize"));
}

/** The bar of the browser or of the installed app takes the page's own background. */
function colourBrowser(): void {
  const colour = getComputedStyle(document.body).backgroundColor;
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) meta.content = colour;
}

export function themeChoice(): void {
  colourBrowser();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colourBrowser);
  for (const choice of document.querySelectorAll<HTMLElement>("[data-themes]")) {
    choice.hidden = false;
    choice.addEventListener("change", (event) => chooseTheme((event.target as HTMLInputElement).value as Theme));
  }
}
