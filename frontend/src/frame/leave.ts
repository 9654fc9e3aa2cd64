/** Signing out takes along what this browser remembered for the account, the opened own key above all. The pinned root of the
 * organisation stays: it protects whoever signs in next from a false one. */
import { forgetAccount } from "../held/shelf";
import { forgetRecent } from "../palette/recent";
import { keep } from "./cookies";

export function clearOnLeaving(): void {
  const frame = document.querySelector<HTMLElement>("[data-frame]");
  const form = document.querySelector<HTMLFormElement>("form[data-sign-out]");
  let forgotten = false;
  form?.addEventListener("submit", (event) => {
    if (forgotten) return;
    // The key goes first: a page that is being left may not finish what it began.
    event.preventDefault();
    const tenant = frame?.dataset["tenant"] ?? "";
    keep("vsaas_site", "", `/t/${tenant}/`);
    forgetRecent(tenant);
    sessionStorage.clear();
    const leave = (): void => {
      forgotten = true;
      form.requestSubmit();
    };
    forgetAccount(frame?.dataset["account"] ?? "").then(leave, (error: unknown) => {
      console.warn("the own key could not be forgotten here:", error);
      leave();
    });
  });
}
