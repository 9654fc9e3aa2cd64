/** "Install as an app", where the browser offers it and it is not one already. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

export function installButton(): void {
  const item = document.querySelector<HTMLElement>("[data-install]");
  if (!item) return;
  let offer: InstallPrompt | null = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event as InstallPrompt;
    item.hidden = false;
  });
  addEventListener("appinstalled", () => (item.hidden = true));
  item.querySelector("button")?.addEventListener("click", () => {
    void offer?.prompt();
    item.hidden = true; // an offer can be used once
  });
}
