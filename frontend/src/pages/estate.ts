// Managing sites, cameras and agents: regions that keep themselves current, a camera's picture beside its state, and the
// page that waits for a box to enrol. Every page works without it; it then shows what was when it was loaded.
import "../styles/player.css";
import { Api } from "../api/client";
import { t } from "../i18n/t";
import type { StreamName } from "../sealing/registry";
import { sends } from "./states";

const ENROLLING_MS = 2000;

/**
 * `<… id data-fresh="milliseconds">`: the element is fetched again with its page, and what changed is put in place, so
 * that all words stay the portal's. Rests while the tab is hidden, or while the focus is inside on something typed into.
 */
class Fresh {
  private readonly everyMs: number;
  private shown: string;
  private over = false;

  constructor(private readonly region: HTMLElement) {
    this.everyMs = Number(region.dataset["fresh"]);
    this.shown = region.innerHTML;
    this.next();
    document.addEventListener("visibilitychange", () => !document.hidden && void this.refresh());
  }

  private next(): void {
    if (!this.over) setTimeout(() => void this.refresh().finally(() => this.next()), this.everyMs);
  }

  private async refresh(): Promise<void> {
    if (this.over || document.hidden || this.region.querySelector("input:focus, textarea:focus, select:focus")) return;
    let page: Document;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected) return location.reload(); // signed out: the portal leads to where one signs in
      if (!answer.ok) throw new Error(`the portal answered ${answer.status}`);
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch (error) {
      // Said on the region itself: what is shown may be old.
      this.region.dataset["stale"] = String(error);
      this.region.dataset["staleWords"] = t("The portal cannot be reached: this may be old.");
      return;
    }
    delete this.region.dataset["stale"];
    const now = page.getElementById(this.region.id);
    if (now && now.innerHTML !== this.shown) this.put(now);
    this.over = now !== null && now.dataset["fresh"] === undefined;
  }

  private put(now: HTMLElement): void {
    this.shown = now.innerHTML;
    const before = headline(this.region);
    const focused = document.activeElement;
    const address = this.region.contains(focused) ? focused?.getAttribute("href") : null;
    this.region.replaceChildren(...now.childNodes);
    if (address) this.region.querySelector<HTMLElement>(`a[href="${CSS.escape(address)}"]`)?.focus();
    document.dispatchEvent(new CustomEvent("vsaas:fresh", { detail: this.region }));
    // Whoever listens instead of looking hears what is new, not every rate that moved.
    const said = document.querySelector(`[data-says="${this.region.id}"]`);
    if (said && headline(this.region) !== before) said.textContent = headline(this.region);
  }
}

function headline(region: HTMLElement): string {
  return region.querySelector(".headline")?.textContent?.replace(/\s+/g, " ").trim() ?? "";
}

/** The camera's live picture beside what the agent says of it, while it records. */
function picture(tile: HTMLElement, doing: HTMLElement): void {
  const api = new Api({ tenant: tile.dataset["tenant"] ?? "" });
  let close: (() => void) | null = null;
  let opening = false;
  let refused = false;
  const sync = async (): Promise<void> => {
    const told = doing.querySelector<HTMLElement>("[data-state]");
    if (told?.dataset["reason"] === "refused" && !refused) {
      // What is to be mended lies open, once; whoever closes it again is not contradicted.
      refused = true;
      document.querySelector("details.estate-address")?.setAttribute("open", "");
    }
    const recording = sends(told?.dataset["state"]) && tile.dataset["live"] === "1";
    if (!recording || document.hidden) {
      close?.();
      close = null;
    } else if (!close && !opening) {
      opening = true;
      const { openTile } = await import("../wall/one-tile");
      opening = false;
      const streams = (told?.dataset["streams"] ?? "main").split(" ") as StreamName[];
      close = openTile(api, tile, streams.includes("sub") ? "sub" : "main");
    }
    if (!close) explain(tile, doing);
  };
  for (const type of ["vsaas:fresh", "visibilitychange"]) document.addEventListener(type, () => void sync());
  addEventListener("pagehide", () => {
    close?.();
    close = null;
  });
  void sync();
}

function explain(tile: HTMLElement, doing: HTMLElement): void {
  const words = tile.querySelector("[data-why-text]");
  const text = doing.querySelector("[data-state-text]")?.textContent;
  if (words && text) words.textContent = text;
}

/** The page with an enrolment code: asks until the code has enrolled a box, or has run out. */
async function enrolling(waiting: HTMLElement): Promise<void> {
  const show = (state: string): void => {
    for (const line of waiting.querySelectorAll<HTMLElement>("[data-when]")) line.hidden = line.dataset["when"] !== state;
    for (const then of document.querySelectorAll<HTMLElement>("[data-then]")) then.hidden = then.dataset["then"] !== state;
  };
  for (;;) {
    await new Promise((done) => setTimeout(done, ENROLLING_MS));
    let code: { state: string; agent: { id: string; name: string } | null };
    try {
      const headers = { Accept: "application/json", "VSaaS-Tenant": waiting.dataset["tenant"] ?? "" };
      const answer = await fetch(waiting.dataset["enrolling"] ?? "", { headers, credentials: "same-origin" });
      if (!answer.ok) throw new Error(`the portal answered ${answer.status}`);
      code = (await answer.json()) as typeof code;
    } catch {
      show("unknown");
      continue;
    }
    if (code.agent) {
      const name = waiting.querySelector("[data-agent-name]");
      if (name) name.textContent = code.agent.name;
      for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-then]")) link.href += code.agent.id;
    }
    show(code.state);
    if (code.state !== "waiting" && code.state !== "waits-for-holder") return;
  }
}

for (const region of document.querySelectorAll<HTMLElement>("[data-fresh]")) new Fresh(region);
const tile = document.querySelector<HTMLElement>(".estate-tile");
const doing = document.querySelector<HTMLElement>("[data-doing]");
if (tile && doing) picture(tile, doing);
for (const waiting of document.querySelectorAll<HTMLElement>("[data-enrolling]")) void enrolling(waiting);
const cells = document.querySelector<HTMLElement>("[data-cells]");
if (cells) void import("../detection/painter").then(({ paintCells }) => paintCells(cells));
const tests = document.querySelectorAll<HTMLElement>("[data-address-test]");
if (tests.length > 0) {
  void import("../address-test/form").then(({ addressTest }) => {
    for (const box of tests) addressTest(box);
  });
}
