/** The site switcher: its links say `?site=`; what was chosen last is remembered for this organisation. */
import { keep } from "./cookies";

export function siteMemory(): void {
  const tenant = document.querySelector<HTMLElement>("[data-frame]")?.dataset["tenant"];
  if (!tenant) return;
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-site], a[data-all-sites]");
    if (link) keep("vsaas_site", link.dataset["site"] ?? "", `/t/${tenant}/`);
  });
}
