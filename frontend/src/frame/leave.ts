/** Signing out takes along what this browser remembered for the account. The pinned root of the organisation stays: it
 * protects whoever signs in next from a false one. */
import { forgetRecent } from "../palette/recent";
import { keep } from "./cookies";

export function clearOnLeaving(): void {
  const frame = document.querySelector<HTMLElement>("[data-frame]");
  document.querySelector("form[data-sign-out]")?.addEventListener("submit", () => {
    const tenant = frame?.dataset["tenant"] ?? "";
    keep("vsaas_site", "", `/t/${tenant}/`);
    forgetRecent(tenant);
    sessionStorage.clear();
  });
}
