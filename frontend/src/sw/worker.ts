/**
 * The service worker of `/t/`. It keeps built files, whose names hold their hash, and one page that says there is no
 * connection. Nothing else is ever kept: pages, the API, video and keys go by it untouched.
 *
 * The portal writes `self.VSAAS` before this code: which version it is and what to keep from the start.
 */
interface Built {
  readonly version: string;
  /** The address of the offline page in each language, by its code. */
  readonly offline: Readonly<Record<string, string>>;
  /** The offline pages and the files they are drawn with. */
  readonly keep: readonly string[];
}

interface RouterEvent extends ExtendableEvent {
  addRoutes?(routes: unknown): Promise<void>;
}

/** Not in every browser yet. */
const cookies = (self as { cookieStore?: { get(name: string): Promise<{ value?: string } | null> } }).cookieStore;
const worker = self as unknown as ServiceWorkerGlobalScope & { readonly VSAAS: Built };
const { version, offline, keep } = worker.VSAAS;
const OURS = "vsaas-";
const CACHE = `${OURS}${version}`;
const LANGUAGE_COOKIE = "vsaas_language";
const HASHED = /^\/static\/assets\/.+-[\w-]{8,}\.(js|css|woff2)$/;

worker.addEventListener("install", (event) => {
  event.waitUntil(fill());
  event.waitUntil(stepAside(event as RouterEvent));
});

worker.addEventListener("activate", (event) => event.waitUntil(takeOver()));

worker.addEventListener("message", (event) => {
  if (event.data === "take-over") void worker.skipWaiting();
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== worker.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  // A worker's rights to connect come with its file, and the portal may have changed them since: never from here.
  else if (request.destination === "worker") return;
  else if (HASHED.test(address.pathname)) event.respondWith(file(request));
});

async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  // Without cookies: what is kept must be what anybody would get.
  await cache.addAll(keep.map((address) => new Request(address, { credentials: "omit", cache: "no-cache" })));
}

/** Where the browser can: requests this worker has no part in need not even wake it. */
async function stepAside(event: RouterEvent): Promise<void> {
  const here = { protocol: worker.location.protocol.slice(0, -1), hostname: worker.location.hostname, port: worker.location.port };
  try {
    await event.addRoutes?.([
      { condition: { urlPattern: { ...here, pathname: "/api/*" } }, source: "network" },
      { condition: { not: { urlPattern: { ...here, pathname: "/*" } } }, source: "network" },
    ]);
  } catch (error) {
    // An older idea of these rules: the handler below lets the same requests pass, only later.
    console.info("requests go through the service worker:", error);
  }
}

async function takeOver(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
  await worker.registration.navigationPreload?.enable();
  await worker.clients.claim();
}

async function page(event: FetchEvent): Promise<Response> {
  try {
    const early = (await event.preloadResponse) as Response | undefined;
    return early ?? (await fetch(event.request));
  } catch {
    const kept = await caches.match(await offlinePage(), { cacheName: CACHE });
    return kept ?? Response.error();
  }
}

/** In the language last chosen in this browser, else the first of the browser's own that there is. */
async function offlinePage(): Promise<string> {
  const chosen = await cookies?.get(LANGUAGE_COOKIE);
  const wished = [chosen?.value ?? "", ...worker.navigator.languages].map((name) => name.split("-")[0] ?? "");
  return offline[wished.find((code) => code in offline) ?? "en"]!;
}

async function file(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.url);
  if (kept) return kept;
  const reply = await fetch(request);
  if (reply.ok && reply.type === "basic") await cache.put(request.url, reply.clone());
  return reply;
}
