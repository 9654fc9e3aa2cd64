/** Fetches the runs of the visible range, of all cameras in one request: debounced, a little wider than shown, again while it touches now. */
import { ApiError, type Api } from "../api/client";
import type { TimelineEvent, TimelineRun } from "../api/types";
import type { StreamName } from "../sealing/registry";
import { resolutionS, type View } from "./layout";

const DEBOUNCE_MS = 140;
const REFRESH_MS = 5000;
const RANGE_MOST_US = 31.9 * 86_400_000_000;

export class TimelineSource {
  private timer = 0;
  private view: View | null = null;
  private running: AbortController | null = null;
  private loaded: { fromUs: number; toUs: number; resolution: number } | null = null;

  constructor(
    private readonly api: Api,
    private readonly cameras: readonly string[],
    private readonly stream: () => StreamName,
    private readonly onruns: (camera: string, runs: readonly TimelineRun[], events: readonly TimelineEvent[]) => void,
    private readonly onerror: (error: unknown) => void,
  ) {}

  show(view: View): void {
    this.view = view;
    if (!this.covers(view)) this.later(this.loaded ? DEBOUNCE_MS : 0);
  }

  /** Forgets what was fetched, for instance because another stream is shown. */
  reset(): void {
    this.loaded = null;
    if (this.view) this.later(0);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.running?.abort();
  }

  private covers(view: View): boolean {
    const { loaded } = this;
    if (!loaded) return false;
    const fine = resolutionS(view) >= loaded.resolution && loaded.resolution * 4 >= resolutionS(view);
    return fine && view.fromUs >= loaded.fromUs && view.toUs <= loaded.toUs;
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), ms);
  }

  private async load(): Promise<void> {
    const { view } = this;
    if (!view) return;
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const range = widened(view);
    const resolution = resolutionS(view);
    try {
      const query = { cameras: this.cameras, ...range, stream: this.stream(), resolutionS: resolution };
      const reply = await this.api.timeline(query, running.signal);
      this.loaded = { ...range, resolution };
      for (const camera of this.cameras) {
        this.onruns(camera, reply.cameras[camera]?.runs ?? [], reply.cameras[camera]?.events ?? []);
      }
    } catch (error) {
      if (running.signal.aborted) return;
      if (error instanceof ApiError && error.code === "outside-hours") {
        this.loaded = null;
        for (const camera of this.cameras) this.onruns(camera, [[range.fromUs, range.toUs, "not-permitted", null]], []);
      } else this.onerror(error);
    }
    if (!document.hidden && range.toUs < this.api.clock.nowUs() - 600e6) return;
    this.later(REFRESH_MS);
  }
}

function widened(view: View): { fromUs: number; toUs: number } {
  const span = view.toUs - view.fromUs;
  const more = Math.max(0, Math.min(span / 2, (RANGE_MOST_US - span) / 2));
  return { fromUs: Math.max(0, Math.round(view.fromUs - more)), toUs: Math.round(view.toUs + more) };
}
