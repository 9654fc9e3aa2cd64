/**
 * Approvals, kept current: the page of whoever waits, the number in the rail, the list of whoever decides. Each asks a small
 * JSON again and again, less often the longer nothing happens, and not while the page is hidden; without script, loading the
 * page again does the same.
 */

const SOON_MS = 2_000;
const LATE_MS = 15_000;
const ELSEWHERE_MS = 10_000;
const SLOWER = 1.15;

/** Calls `ask` after each wait until it says "end". "same" makes the next wait longer, "changed" short again; so does coming back to the page. */
export function again(ask: () => Promise<"same" | "changed" | "end">, shortest: number, longest = LATE_MS): void {
  let wait = shortest;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let resting = false;
  const next = (ms: number): void => {
    timer = setTimeout(() => void turn(), ms);
  };
  const turn = async (): Promise<void> => {
    resting = document.hidden;
    if (resting) return;
    const answer = await ask();
    if (answer === "end") return;
    wait = answer === "changed" ? shortest : Math.min(longest, wait * SLOWER);
    next(wait);
  };
  next(wait);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !resting) return;
    resting = false;
    clearTimeout(timer);
    wait = shortest;
    next(0);
  });
}

/** What the address answers, or null while it does not: the next turn asks again. */
async function asked<T>(url: string): Promise<T | null> {
  try {
    const reply = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    return reply.ok && reply.headers.get("Content-Type")?.startsWith("application/json") ? ((await reply.json()) as T) : null;
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) return null; // no connection, or half an answer
    throw error;
  }
}

export function waitingForApproval(): void {
  const page = document.querySelector<HTMLElement>("[data-approval-wait]");
  if (!page) return;
  const enter = page.querySelector<HTMLFormElement>("[data-enter]");
  if (enter) {
    enter.requestSubmit();
    return;
  }
  const shown = page.dataset["state"];
  if (shown !== "waiting") return;
  again(async () => {
    const now = await asked<{ state: string }>(page.dataset["approvalWait"] ?? "");
    if (now === null || now.state === shown) return "same";
    location.replace(location.href);
    return "end";
  }, SOON_MS);
}

export function approvalsCount(): void {
  const counts = document.querySelectorAll<HTMLElement>("[data-count=approvals]");
  const list = document.querySelector<HTMLElement>("[data-approvals]");
  const tenant = document.querySelector<HTMLElement>("[data-frame]")?.dataset["tenant"];
  if (!tenant || (counts.length === 0 && !list)) return;
  again(async () => {
    const now = await asked<{ waiting: number; stamp: string }>(`/t/${tenant}/approvals/waiting.json`);
    if (now === null) return "same";
    for (const count of counts) {
      count.hidden = now.waiting === 0;
      if (count.firstElementChild) count.firstElementChild.textContent = String(now.waiting);
    }
    if (!list || list.dataset["approvals"] === now.stamp) return "same";
    return (await freshList(list)) ? "changed" : "same";
  }, list ? SOON_MS : ELSEWHERE_MS, list ? ELSEWHERE_MS : 2 * LATE_MS);
}

/** The list as the portal draws it now, with the codes typed so far. */
async function freshList(list: HTMLElement): Promise<boolean> {
  let text: string;
  try {
    const reply = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!reply.ok) return false;
    text = await reply.text();
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector<HTMLElement>("[data-approvals]");
  if (!fresh) return false;
  const focused = document.activeElement?.id;
  for (const typed of list.querySelectorAll<HTMLInputElement>("input.code")) {
    const same = typed.id ? fresh.querySelector<HTMLInputElement>(`#${CSS.escape(typed.id)}`) : null;
    if (same) same.setAttribute("value", typed.value);
  }
  list.replaceChildren(...fresh.childNodes);
  list.dataset["approvals"] = fresh.dataset["approvals"] ?? "";
  if (focused) list.querySelector<HTMLElement>(`#${CSS.escape(focused)}`)?.focus();
  document.dispatchEvent(new Event("vsaas:fresh"));
  return true;
}
