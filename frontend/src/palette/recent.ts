/** Where a person went by the palette last, per organisation and account, in this browser only: addresses, no names. */
const PREFIX = "vsaas-recent/";
const KEPT = 8;

function key(tenant: string, account: string): string {
  return `${PREFIX}${tenant}/${account}`;
}

export function recent(tenant: string, account: string): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key(tenant, account)) ?? "[]");
    return Array.isArray(kept) ? kept.filter((item) => typeof item === "string") : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

export function remember(tenant: string, account: string, url: string): void {
  const others = recent(tenant, account).filter((item) => item !== url);
  localStorage.setItem(key(tenant, account), JSON.stringify([url, ...others].slice(0, KEPT)));
}

/** Forgets what every account of an organisation left here. */
export function forgetRecent(tenant: string): void {
  for (const name of Object.keys(localStorage)) if (name.startsWith(`${PREFIX}${tenant}/`)) localStorage.removeItem(name);
}
