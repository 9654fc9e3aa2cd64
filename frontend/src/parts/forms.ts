/** Forms send once, and never into the void: without a connection what was typed stays where it is. */
import { WORDS } from "../frame/words";
import { toast } from "./toast";

export function submitOnce(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    // A form that its page's script handles, a dialog's, and one that only downloads leave the page as it is.
    if (event.defaultPrevented || form.method === "dialog" || form.dataset["download"] !== undefined) return;
    // A second submit while the first is under way would only be refused.
    if (form.dataset["busy"]) {
      event.preventDefault();
      return;
    }
    if (!navigator.onLine) {
      event.preventDefault();
      toast(WORDS.notSent);
      return;
    }
    form.dataset["busy"] = "1";
    for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) {
      button.setAttribute("aria-disabled", "true");
    }
  });
  // Coming back by the browser's back button shows the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-busy]")) {
      delete form.dataset["busy"];
      form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
    }
  });
}
