/** The browser API of one tenant. Every refusal becomes an ApiError with the portal's own words (RFC 9457). */
import { t } from "../i18n/t";
import { ServerClock } from "./clock";
import type {
  AddressTest,
  AddressTestRequest,
  ApiCamera,
  ApiView,
  ClipReply,
  ClipRequest,
  LiveReply,
  MapsRequest,
  Page,
  PlaybackReply,
  PlaybackRequest,
  SteeringReply,
  SteerRequest,
  StatementsReply,
  StillsReply,
  StillsRequest,
  TimelineReply,
  ViewFields,
} from "./types";
import type { StreamName } from "../sealing/registry";

export class ApiError extends Error {
  override readonly name = "ApiError";

  /** `status` 0: the portal could not be reached. `code`: the last part of the problem's type, where it has one. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 20_000;
const PAGE_LIMIT = 500;

function cookie(name: string): string {
  const row = document.cookie.split("; ").find((item) => item.startsWith(`${name}=`));
  return row ? decodeURIComponent(row.slice(name.length + 1)) : "";
}

export interface ApiOptions {
  /** Slug of the tenant, for the `VSaaS-Tenant` header. */
  readonly tenant: string;
  /** Prefix of the API; same origin. */
  readonly base?: string;
}

export class Api {
  readonly clock = new ServerClock();
  readonly tenant: string;
  private readonly base: string;

  constructor(options: ApiOptions) {
    this.tenant = options.tenant;
    this.base = options.base ?? "/api/v1";
  }

  cameras(signal?: AbortSignal): Promise<readonly ApiCamera[]> {
    return this.all<ApiCamera>("/cameras", signal);
  }

  timeline(
    query: { cameras: readonly string[]; fromUs: number; toUs: number; stream: StreamName; resolutionS: number },
    signal?: AbortSignal,
  ): Promise<TimelineReply> {
    const search = new URLSearchParams({
      cameras: query.cameras.join(","),
      from: isoFromUs(query.fromUs),
      to: isoFromUs(query.toUs),
      stream: query.stream,
      resolution: String(query.resolutionS),
    });
    return this.call<TimelineReply>("GET", `/timeline?${search}`, undefined, signal);
  }

  playback(request: PlaybackRequest, signal?: AbortSignal): Promise<PlaybackReply> {
    return this.call<PlaybackReply>("POST", "/playback", request, signal);
  }

  /** As playback, to be saved: the portal audits a new clip and asks for the right to save one. */
  clip(request: ClipRequest, signal?: AbortSignal): Promise<ClipReply> {
    return this.call<ClipReply>("POST", "/clips", request, signal);
  }

  live(request: { camera: string; stream: StreamName; hpke_public: string }, signal?: AbortSignal): Promise<LiveReply> {
    return this.call<LiveReply>("POST", "/live", request, signal);
  }

  /** Steers a camera; `steered` tells what came of it. */
  steer(camera: string, request: SteerRequest): Promise<SteeringReply> {
    return this.call<SteeringReply>("POST", `/cameras/${camera}/steering`, request);
  }

  steered(camera: string, id: string): Promise<SteeringReply> {
    return this.call<SteeringReply>("GET", `/cameras/${camera}/steering/${id}`, undefined);
  }

  stills(request: StillsRequest, signal?: AbortSignal): Promise<StillsReply> {
    return this.call<StillsReply>("POST", "/stills", request, signal);
  }

  /** Up to an hour of motion maps, as playback answers, with the keys of the maps alone. */
  motionMaps(request: MapsRequest, signal?: AbortSignal): Promise<PlaybackReply> {
    return this.call<PlaybackReply>("POST", "/motion-maps", request, signal);
  }

  views(signal?: AbortSignal): Promise<readonly ApiView[]> {
    return this.all<ApiView>("/views", signal);
  }

  addView(view: ViewFields): Promise<ApiView> {
    return this.call<ApiView>("POST", "/views", view);
  }

  changeView(id: string, change: Partial<ViewFields>): Promise<ApiView> {
    return this.call<ApiView>("PATCH", `/views/${id}`, change);
  }

  removeView(id: string): Promise<null> {
    return this.call<null>("DELETE", `/views/${id}`, null);
  }

  /** Has an agent try a camera's address; `addressTest` tells how it stands. */
  tryAddress(request: AddressTestRequest, signal?: AbortSignal): Promise<AddressTest> {
    return this.call<AddressTest>("POST", "/camera-tests", request, signal);
  }

  addressTest(id: string, signal?: AbortSignal): Promise<AddressTest> {
    return this.call<AddressTest>("GET", `/camera-tests/${id}`, undefined, signal);
  }

  /** Has the agent upload a stretch before everything else; the timeline tells how far it has come. */
  uploadNow(camera: string, span: { from_us: number; to_us: number }, signal?: AbortSignal): Promise<{ id: string }> {
    return this.call<{ id: string }>("POST", `/cameras/${camera}/uploads`, span, signal);
  }

  statements(signal?: AbortSignal): Promise<StatementsReply> {
    return this.call<StatementsReply>("GET", "/statements", undefined, signal);
  }

  /** A list, whatever the number of its pages. */
  private async all<T>(path: string, signal?: AbortSignal): Promise<readonly T[]> {
    const found: T[] = [];
    let next: string | null = null;
    do {
      const cursor: string = next === null ? "" : `&cursor=${encodeURIComponent(next)}`;
      const page: Page<T> = await this.call("GET", `${path}?limit=${PAGE_LIMIT}${cursor}`, undefined, signal);
      found.push(...page.items);
      next = page.next;
    } while (next !== null);
    return found;
  }

  protected async call<T>(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json", "VSaaS-Tenant": this.tenant };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      headers["X-CSRFToken"] = cookie("vsaas_csrf");
    }
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const sent = Date.now();
    let response: Response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        credentials: "same-origin",
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, "unreachable", t("The portal cannot be reached. Check this device's connection."));
    }
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (!Number.isNaN(date)) this.clock.learn(date, sent, Date.now());
    if (!response.ok) throw await problem(response);
    return (response.status === 204 ? null : await response.json()) as T;
  }
}

/** A refusal in the portal's words where it gave any. */
async function problem(response: Response): Promise<ApiError> {
  let code = `http-${response.status}`;
  let message = t("The portal answered {status}.", { status: response.status });
  if (/json/.test(response.headers.get("Content-Type") ?? "")) {
    const body = (await response.json()) as { type?: string; code?: string; title?: string; detail?: string };
    code = body.code ?? body.type?.split(/[/:#]/).pop() ?? code;
    message = body.detail || body.title || message;
  }
  if (response.status === 401) message = t("You are signed out. Sign in again to go on.");
  return new ApiError(response.status, code, message);
}

/** ISO 8601 in UTC, to the millisecond. */
export function isoFromUs(us: number): string {
  return new Date(us / 1000).toISOString();
}
