/** Copy buttons: `<button data-copy="#id">` copies the text of the element and says so. */
import { WORDS } from "../frame/words";

const SAID_MS = 2500;

export function copyButtons(): void {
  document.addEventListener("click", async (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset["copy"] ?? "");
    if (!source) return;
    button.dataset["label"] ??= button.textContent ?? "";
    try {
      await navigator.clipboard.writeText((source.textContent ?? "").trim());
      button.textContent = button.dataset["copied"] ?? WORDS.copied;
    } catch {
      // No clipboard without a secure context: select the text, so that one key copies it.
      getSelection()?.selectAllChildren(source);
      button.textContent = button.dataset["selected"] ?? WORDS.selected;
    }
    setTimeout(() => (button.textContent = button.dataset["label"] ?? ""), SAID_MS);
  });
}
