/** Ctrl-K or Cmd-K anywhere, and the search button: the palette's own code comes at the first call. */
export function paletteKeys(): void {
  const button = document.querySelector<HTMLButtonElement>("[data-palette]");
  if (!button) return;
  const apple = /mac|iphone|ipad/i.test(navigator.platform);
  const keys = button.querySelector("[data-palette-keys]");
  if (keys && apple) keys.textContent = "⌘ K";
  button.hidden = false;
  const load = (): Promise<typeof import("./palette")> => import("./palette");
  const toggle = async (): Promise<void> => (await load()).togglePalette(button);
  button.addEventListener("click", () => void toggle());
  // Whoever moves towards it will want it at once.
  for (const type of ["pointerenter", "focus"]) button.addEventListener(type, () => void load(), { once: true });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey || event.repeat) return;
      if (apple ? !event.metaKey : !event.ctrlKey) return;
      event.preventDefault();
      event.stopPropagation();
      void toggle();
    },
    { capture: true },
  );
}
