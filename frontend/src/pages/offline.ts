/** The page without a connection: since when, why as far as this device knows, and trying again by itself. */
import { WORDS } from "../frame/words";
import { ago, clockTime, deviceZone, zoneName } from "../times";

const KEY = "vsaas-offline-since";
const FIRST_MS = 3000;
const LONGEST_MS = 30_000;
const TIMEOUT_MS = 8000;
const TICK_MS = 1000;

class Offline {
  private readonly since: number;
  private waitMs = FIRST_MS;
  private nextMs = Date.now() + FIRST_MS;
  private trying = false;

  constructor(private readonly root: HTMLElement) {
    this.since = Number(sessionStorage.getItem(KEY)) || Date.now();
    sessionStorage.setItem(KEY, String(this.since));
    this.part("retry")?.addEventListener("click", () => void this.attempt());
    addEventListener("online", () => void this.attempt());
    setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  private tick(): void {
    this.say("why", navigator.onLine ? WORDS.portalSilent : WORDS.deviceOffline);
    const us = this.since * 1000;
    const since = `${clockTime(us, deviceZone())} ${zoneName(us, deviceZone())}`;
    this.say("since", WORDS.since(since, ago(this.since, Date.now(), document.documentElement.lang || "en")));
    const left = Math.max(0, Math.ceil((this.nextMs - Date.now()) / 1000));
    this.say("next", this.trying ? WORDS.trying : WORDS.triesIn(left));
    if (left === 0) void this.attempt();
  }

  /** Asks for the worker's own small file; whatever the portal answers, it is there again. */
  private async attempt(): Promise<void> {
    if (this.trying) return;
    this.trying = true;
    this.say("next", WORDS.trying);
    try {
      await fetch("/t/sw.js", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch {
      this.waitMs = Math.min(this.waitMs * 2, LONGEST_MS);
      this.nextMs = Date.now() + this.waitMs;
      this.trying = false;
      return;
    }
    sessionStorage.removeItem(KEY);
    location.reload();
  }

  private part(name: string): HTMLElement | null {
    return this.root.querySelector(`[data-offline-${name}]`);
  }

  private say(name: string, text: string): void {
    const part = this.part(name);
    if (part && part.textContent !== text) part.textContent = text;
  }
}

for (const root of document.querySelectorAll<HTMLElement>("[data-offline]")) new Offline(root);
