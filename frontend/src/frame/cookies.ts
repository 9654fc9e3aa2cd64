/** Small choices of this browser that the portal must know before it draws a page. */
const YEAR_S = 365 * 24 * 3600;

/** Keeps a choice for a year, for addresses under `path`; "" forgets it. */
export function keep(name: string, value: string, path: string): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value === "" ? 0 : YEAR_S;
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=${path}; Max-Age=${age}; SameSite=Lax${secure}`;
}
