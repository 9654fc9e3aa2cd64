/** One camera of several played together: its picture, what is known of it, and why there is none. */
import type { Api } from "../api/client";
import { h, icon, setIcon } from "../dom";
import { t } from "../i18n/t";
import type { KeyWorker } from "../keys/client";
import { Player, type PlayerEvents } from "../player/player";
import { TrustBadge } from "../player/trust-badge";
import type { TrustKeeper } from "../player/trust";
import type { StreamName } from "../sealing/registry";
import { absentWords } from "../words";
import { step } from "./follow";

export interface SyncCamera {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly streams: readonly StreamName[];
  readonly mayAudio: boolean;
  /** Page of this camera alone. */
  readonly href: string;
}

export interface TileHost {
  readonly api: Api;
  readonly keys: KeyWorker;
  readonly trust: TrustKeeper;
  onsound(tile: SyncTile): void;
  onremove(tile: SyncTile): void;
  onopen(tile: SyncTile): void;
}

/** `late`: on its way, the others may wait; `away`: nothing recorded, ended or stopped, nobody waits. */
export type Readiness = "ready" | "late" | "away";

export const WORDS = {
  remove: (name: string): string => t("Take {name} out of the comparison", { name }),
  open: (name: string): string => t("Open {name} alone", { name }),
  unmute: (name: string): string => t("Sound of {name} on", { name }),
  mute: (name: string): string => t("Sound of {name} off", { name }),
  pictureOf: (name: string): string => t("Picture of {name}", { name }),
  catching: t("Catching up"),
  loading: t("Loading"),
  none: t("Nothing recorded"),
  noneYet: t("No newer recording yet"),
  network: t("Waiting for the network"),
  altered: t("Altered"),
  stopped: t("Playback stopped"),
};

export class SyncTile {
  readonly element: HTMLElement;
  readonly player: Player;
  private readonly video = h("video", { playsinline: true });
  private readonly badge: TrustBadge;
  private readonly note = h("p", { class: "sync-note", role: "status" });
  private readonly title = h("strong", {});
  private readonly detail = h("span", {});
  private readonly why = h("div", { class: "sync-why", hidden: true });
  private readonly sound = h("button", { type: "button", class: "vp-button" }, icon("muted"));
  private hole: PlayerEvents["skipped"] | null = null;
  private holding = false;
  private ended = false;
  private seekBegan = 0;
  private seekTookMs = 300;
  private turn = 0;
  private rate = 1;
  private soughtUs = 0;

  constructor(
    readonly camera: SyncCamera,
    private readonly host: TileHost,
    stream: StreamName,
  ) {
    const { api, keys, trust } = host;
    const streams = [stream, ...camera.streams.filter((name) => name !== stream)].filter((name) => camera.streams.includes(name));
    this.player = new Player(this.video, { api, keys, trust, camera: camera.id, streams, audio: camera.mayAudio });
    this.video.muted = true;
    this.badge = new TrustBadge(() => trust.fingerprint);
    this.element = this.layOut();
    this.player.on("skipped", (skipped) => (this.hole = skipped));
    this.player.on("state", ({ trust: known, adopted, phase }) => {
      this.badge.show(known, false, adopted);
      // At the end it is looked again now and then whether more is stored: nobody waits for that.
      if (phase === "end") this.ended = true;
      else if (phase === "playing" || phase === "paused") this.ended = false;
    });
    this.showSound();
  }

  get hears(): boolean {
    return !this.video.muted;
  }

  set hears(on: boolean) {
    this.video.muted = !on;
    this.showSound();
  }

  /** Goes to an instant; the newest call counts. */
  async seek(us: number): Promise<void> {
    const turn = ++this.turn;
    this.hole = null;
    this.holding = false;
    this.ended = false;
    this.seekBegan = performance.now();
    this.soughtUs = Math.round(us);
    await this.player.seek(this.soughtUs);
    if (turn === this.turn) this.seekTookMs = performance.now() - this.seekBegan;
  }

  /** Keeps step with the clock, which wants to run or not. */
  follow(clockUs: number, wanted: boolean, running: boolean, rate: number): void {
    const { player } = this;
    this.rate = rate;
    const now = performance.now();
    const wallUs = player.state.stop ? null : player.arrivedWallUs();
    const { holding, seekTookMs } = this;
    const next = step({ clockUs, wallUs, rate, holding, seekTookMs, sinceSeekMs: now - this.seekBegan });
    if (next.kind === "hold") {
      this.holding = true;
      if (player.playing) player.pause();
    } else if (next.kind === "seek" && wanted) {
      void this.seek(next.toUs);
    } else if (next.kind === "run") {
      this.holding = false;
      if (wanted && running && !player.playing) void player.play();
      player.nudge(next.factor);
    }
    if (!wanted) this.stand(clockUs, wallUs);
    this.show(clockUs);
  }

  /** Stands, at the clock's very instant: sought once, for where nothing is recorded there the next picture stands. */
  private stand(clockUs: number, wallUs: number | null): void {
    if (this.player.playing) this.player.pause();
    const there = wallUs === null || Math.abs(wallUs - clockUs) <= STANDS_US;
    if (!there && this.soughtUs !== Math.round(clockUs) && !this.inHole(clockUs)) void this.seek(clockUs);
  }

  readiness(clockUs: number): Readiness {
    const { phase, stop, waiting } = this.player.state;
    if (stop || this.ended) return "away";
    const wallUs = this.player.arrivedWallUs();
    if (this.inHole(clockUs) && (wallUs === null || wallUs > clockUs)) return "away";
    if (wallUs === null || waiting || phase === "loading" || phase === "waiting") return "late";
    return clockUs - wallUs > LATE_US * Math.max(1, this.rate) ? "late" : "ready";
  }

  /** When its footage goes on, where it has none at the clock's instant; null where it has, or none is known to follow. */
  goesOnUs(clockUs: number): number | null {
    const wallUs = this.player.arrivedWallUs();
    return this.inHole(clockUs) && wallUs !== null && wallUs > clockUs ? wallUs : null;
  }

  close(): void {
    this.player.close();
  }

  private inHole(us: number): boolean {
    return this.hole !== null && us >= this.hole.fromUs - HOLE_EDGE_US && us < this.hole.toUs - HOLE_EDGE_US;
  }

  private layOut(): HTMLElement {
    const { camera, host } = this;
    const button = (name: Parameters<typeof icon>[0], words: string, act: () => void): HTMLButtonElement => {
      const made = h("button", { type: "button", class: "vp-button", "aria-label": words, title: words }, icon(name));
      made.addEventListener("click", act);
      return made;
    };
    this.sound.addEventListener("click", () => host.onsound(this));
    this.sound.hidden = !camera.mayAudio;
    this.title.className = "sync-why-title";
    this.why.append(icon("off"), this.title, this.detail);
    return h(
      "section",
      { class: "sync-tile vp", "data-sync-tile": camera.id, "aria-label": camera.name },
      h("div", { class: "sync-picture", role: "img", "aria-label": WORDS.pictureOf(camera.name) }, this.video),
      this.why,
      h(
        "header",
        { class: "sync-head" },
        h("h2", { dir: "auto" }, camera.name),
        h("span", { class: "sync-site", dir: "auto" }, camera.site),
        this.badge.element,
        this.note,
      ),
      h(
        "div",
        { class: "sync-tools" },
        this.sound,
        button("full", WORDS.open(camera.name), () => host.onopen(this)),
        button("bad", WORDS.remove(camera.name), () => host.onremove(this)),
      ),
    );
  }

  private showSound(): void {
    setIcon(this.sound, this.video.muted ? "muted" : "sound");
    const words = this.video.muted ? WORDS.unmute(this.camera.name) : WORDS.mute(this.camera.name);
    this.sound.setAttribute("aria-label", words);
    this.sound.setAttribute("aria-pressed", String(!this.video.muted));
    this.sound.title = words;
  }

  /** Says on the tile, for styles and tests: `data-ready`, `data-wall-us`. */
  private show(clockUs: number): void {
    const { stop, waiting, trust } = this.player.state;
    const ready = this.readiness(clockUs);
    this.element.dataset["ready"] = ready;
    this.element.dataset["trust"] = trust;
    const wallUs = this.player.arrivedWallUs();
    if (wallUs !== null) this.element.dataset["wallUs"] = String(wallUs);
    if (stop) this.say(stop.kind === "altered" ? WORDS.altered : WORDS.stopped, stop.message);
    else if (this.ended) this.say(WORDS.noneYet, this.holeWords(clockUs));
    else if (this.goesOnUs(clockUs) !== null) this.say(this.holeWords(clockUs) || WORDS.none, "");
    else this.say("", "");
    const note = stop ? "" : waiting ? WORDS.network : ready === "late" ? (wallUs === null ? WORDS.loading : WORDS.catching) : "";
    if (this.note.textContent !== note) this.note.textContent = note;
  }

  private holeWords(us: number): string {
    if (!this.hole) return "";
    const here = this.hole.why.find(({ fromUs, toUs }) => fromUs <= us && us < toUs) ?? this.hole.why[0];
    return here ? absentWords(here.kind, here.reason) : "";
  }

  private say(title: string, detail: string): void {
    if (this.title.textContent !== title) this.title.textContent = title;
    if (this.detail.textContent !== detail) this.detail.textContent = detail;
    if (this.why.hidden === (title === "")) return;
    this.why.hidden = title === "";
    this.element.toggleAttribute("data-nothing", title !== "");
    // A picture of another instant must not stand for this one.
    this.video.hidden = title !== "";
  }
}

/** Farther behind than this, at normal speed, the others are told to wait. */
const LATE_US = 400_000;
/** Nearer than this a camera that stands is at the clock's instant; less than any picture lasts. */
const STANDS_US = 2_000;
/** A hole's edges are those of records; pictures begin and end within a frame of them. */
const HOLE_EDGE_US = 60_000;
