/** Registers the service worker, and says when a new version waits. */
import { WORDS } from "../frame/words";
import { toast } from "../parts/toast";

const SCRIPT = "/t/sw.js";
const SCOPE = "/t/";
const LOOK_AGAIN_MS = 3600_000;

export function serviceWorker(): void {
  // Where there is a frame or a door of an organisation: those are what an installed app shows.
  if (!("serviceWorker" in navigator) || !location.pathname.startsWith(SCOPE)) return;
  const start = (): void => void register();
  if (document.readyState === "complete") start();
  else addEventListener("load", start, { once: true });
}

async function register(): Promise<void> {
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(SCRIPT, { scope: SCOPE, updateViaCache: "none" });
  } catch (error) {
    // Private windows and some policies forbid service workers; everything but the offline page works without.
    console.info("no service worker:", error);
    return;
  }
  if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed" && navigator.serviceWorker.controller) offer(coming);
    });
  });
  // A wall may stay open for weeks.
  setInterval(() => void look(registration), LOOK_AGAIN_MS);
}

async function look(registration: ServiceWorkerRegistration): Promise<void> {
  if (!document.hidden && navigator.onLine) await registration.update();
}

let offered = false;

function offer(waiting: ServiceWorker): void {
  if (offered) return;
  offered = true;
  toast(WORDS.newVersion, {
    label: WORDS.loadIt,
    stays: true,
    act: () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      waiting.postMessage("take-over");
    },
  });
}
