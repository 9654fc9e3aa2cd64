/** Which tiles are live, and which stills are fetched when: only what is seen, and no more than one can look at. */
import { ApiError } from "../api/client";
import { WorkerFailure } from "../keys/failure";
import { TrustAlarm } from "../player/trust";
import type { Stills } from "../stills/stills";
import type { WallTile } from "./tile";
import { WORDS } from "./words";

/** So many cameras are live without being pointed at, where a person chose a grid, and where nobody did. */
const LIVE_IN_GRID = 16;
const LIVE_BY_ITSELF = 4;
/** A pointer that only passes opens nothing. */
const LINGER_MS = 200;
const LOOK_MS = 1000;
const SETTLE_MS = 120;
const REFRESH_MS = 20_000;
const REFRESH_MANY_MS = 45_000;
const MANY = 25;
const AGAIN_MS = 30_000;

export interface Shown {
  readonly tiles: readonly WallTile[];
  /** A person chose how many cameras are seen. */
  readonly chosenGrid: boolean;
  readonly enlarged: WallTile | null;
}

export class Pictures {
  private shown: Shown = { tiles: [], chosenGrid: false, enlarged: null };
  private wanted: WallTile | null = null;
  private linger = 0;
  private settling = 0;
  private readonly seen = new Set<Element>();
  private readonly observer: IntersectionObserver;
  private readonly askedMs = new Map<WallTile, number>();
  private readonly asking = new Set<WallTile>();
  private stills: Promise<Stills> | null = null;

  constructor(
    private readonly tiles: readonly WallTile[],
    private readonly openStills: () => Promise<Stills>,
    private readonly refused: (error: ApiError) => void,
  ) {
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) this.seen.add(target);
          else this.seen.delete(target);
        }
        // What only scrolls past is not fetched.
        clearTimeout(this.settling);
        this.settling = window.setTimeout(() => this.look(), SETTLE_MS);
      },
      { rootMargin: "100px" },
    );
    for (const tile of tiles) this.observer.observe(tile.element);
    setInterval(() => this.look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => this.sync());
    // A page kept for the back button must not go on watching.
    addEventListener("pagehide", () => this.tiles.forEach((tile) => tile.unwatch()));
    addEventListener("pageshow", (event) => (event as PageTransitionEvent).persisted && this.sync());
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.sync();
  }

  /** The tile under the pointer or with the focus. */
  want(tile: WallTile | null): void {
    if (tile === this.wanted) return;
    this.wanted = tile;
    clearTimeout(this.linger);
    this.linger = window.setTimeout(() => this.sync(), tile ? LINGER_MS : 0);
  }

  /** Opens and closes live pictures until those are open that should be. */
  sync(): void {
    const { tiles, chosenGrid, enlarged } = this.shown;
    const all = tiles.length <= (chosenGrid ? LIVE_IN_GRID : LIVE_BY_ITSELF);
    const live = new Set(
      document.hidden ? [] : tiles.filter((tile) => tile.canLive && (all || tile === this.wanted || tile === enlarged)),
    );
    for (const tile of this.tiles) {
      if (live.has(tile)) tile.watch();
      else if (tile.watching) tile.unwatch();
    }
    this.look();
  }

  /** Asks for the stills that are due, and lets the times go on. */
  private look(): void {
    if (document.hidden) return;
    const visible = this.shown.tiles.filter((tile) => this.seen.has(tile.element));
    // Sizes are read before anything is written: else every tile would have the page laid out anew.
    const due = visible.filter((tile) => this.due(tile, visible.length)).map((tile) => [tile, tile.widthPx] as const);
    for (const [tile, width] of due) void this.refresh(tile, width);
    for (const tile of visible) tile.tick();
  }

  private due(tile: WallTile, visible: number): boolean {
    if (!tile.mayStill || tile.isLive || this.asking.has(tile)) return false;
    const asked = this.askedMs.get(tile);
    if (asked === undefined) return true;
    const since = performance.now() - asked;
    if (tile.pictureUs === null) return since > AGAIN_MS;
    const newer = tile.newestUs !== null && tile.newestUs > tile.pictureUs + 1_000_000;
    return newer && since > (visible > MANY ? REFRESH_MANY_MS : REFRESH_MS);
  }

  private async refresh(tile: WallTile, width: number): Promise<void> {
    this.asking.add(tile);
    this.askedMs.set(tile, performance.now());
    try {
      this.stills ??= this.openStills();
      const still = await (await this.stills).newest(tile.id, { width });
      if (!still) tile.lacks(WORDS.noPicture);
      else if (tile.isLive || still.us < (tile.pictureUs ?? 0)) still.bitmap.close();
      else tile.draw(still);
    } catch (error) {
      this.failed(tile, error);
    } finally {
      this.asking.delete(tile);
    }
  }

  private failed(tile: WallTile, error: unknown): void {
    if (error instanceof ApiError) {
      this.refused(error);
      if (tile.pictureUs === null) tile.lacks(WORDS.noPictureNow);
    } else if (error instanceof WorkerFailure) {
      // What passes says nothing while there is a picture, whose age is told; what was altered or is gone always does.
      const words = failureWords(error);
      const grave = words === WORDS.altered || words === WORDS.gone;
      if (grave || tile.pictureUs === null) tile.lacks(words, grave);
    } else if (error instanceof TrustAlarm) {
      tile.lacks(error.message, true);
    } else {
      throw error;
    }
  }
}

function failureWords({ info }: WorkerFailure): string {
  if (info.kind === "codec") return WORDS.cannotDraw;
  if (info.kind === "locked" || info.kind === "unshared") return WORDS.noKeyOfIt;
  if (info.code === "missing-object" || info.code === "truncated") return WORDS.gone;
  if (info.kind === "sealing" && info.code !== "missing-key") return WORDS.altered;
  return WORDS.noPictureNow;
}
