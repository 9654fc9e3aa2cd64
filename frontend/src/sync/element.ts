/** `<vsaas-sync>`: up to four cameras, one clock, one timeline with a lane for each (frontend/README.md). */
import { Api, ApiError } from "../api/client";
import { h, icon, setIcon } from "../dom";
import { decimal, t } from "../i18n/t";
import { KeyWorker } from "../keys/client";
import { helpDialog } from "../player/help";
import { handleKey, type KeyActions } from "../player/key-map";
import { LocalPins } from "../player/pins";
import { TimeForm } from "../player/time-form";
import { TrustKeeper } from "../player/trust";
import type { StreamName } from "../sealing/registry";
import type { Stills } from "../stills/stills";
import { TimelineSource } from "../timeline/source";
import { Timeline } from "../timeline/timeline";
import { clockTime, day, knownZone, zoneName } from "../times";
import { duration, NO_EVENT } from "../words";
import { CameraChooser } from "./chooser";
import { SyncClock } from "./clock";
import { Patience } from "./follow";
import { SyncTile, type SyncCamera, type TileHost } from "./tile";

export const CAMERAS_MOST = 4;
const SPEEDS = [0.5, 1, 1.5, 2, 4, 8];
const TICK_MS = 50;
const TOAST_MS = 8000;
const LEAD_WAIT_MS = 3000;
/** Where nothing is recorded in any camera for longer than this, the clock goes on to where something is. */
const COMMON_HOLE_US = 2_000_000;
/** Without an instant in the address it begins this long ago. */
const BEGIN_AGO_US = 60_000_000;
/** Below this width small pictures are enough. */
const SMALL_BELOW_PX = 720;

const WORDS = {
  toTime: t("Go to a time"),
  full: t("Full picture"),
  small: t("Small picture"),
  add: t("Add a camera to compare"),
  play: t("Play all (Space)"),
  pause: t("Pause all (Space)"),
  passed: (length: string): string => t("No camera recorded anything. Passed over {length}", { length }),
  alone: t("Open one camera alone for that"),
  empty: t("Choose cameras to play side by side"),
  emptyDetail: t("Up to four, on one clock: what one saw and what another saw at the same second."),
  waiting: (names: string): string => t("Waiting for {names}", { names }),
  timeline: (message: string): string => t("The timeline could not be loaded: {message}", { message }),
};

const KEY_HELP = [
  [t("Space, K"), t("Play or pause all")],
  ["J, L", t("Back or forward 10 s")],
  ["←, →", t("Back or forward 5 s")],
  [t(", and ."), t("One picture back or forward, in all cameras")],
  [t("< and >"), t("Slower or faster")],
  [t("N, B"), t("Next event, or the one before")],
  [t("0 to 9"), t("To tenths of the visible time")],
  ["M", t("Sound of the next camera, or off")],
  ["F", t("Full screen")],
  [t("+ and −"), t("Zoom the timeline, when it has the focus")],
  ["?", t("These keys")],
] as const;

export class SyncElement extends HTMLElement {
  private api!: Api;
  private keys!: KeyWorker;
  private clock!: SyncClock;
  private timeline!: Timeline;
  private source: TimelineSource | null = null;
  private tiles: SyncTile[] = [];
  private stills: Stills | null = null;
  private readonly patience = new Patience();
  private readonly leaving = new AbortController();
  private zone = "UTC";
  private stream: StreamName = "main";
  private wanted = false;
  private timer = 0;
  private toastTimer = 0;
  private stepping: Promise<void> = Promise.resolve();
  private built = false;

  private readonly date = h("span", { class: "vp-date" });
  private readonly time = h("span", { class: "vp-clock" });
  private readonly when = h("button", { type: "button", class: "vp-time", title: WORDS.toTime, "aria-expanded": "false" });
  private readonly playButton = h("button", { type: "button", class: "vp-button vp-play" }, icon("play"));
  private readonly speed = h("select", { class: "vp-select", "aria-label": t("Speed") });
  private readonly quality = h("select", { class: "vp-select", "aria-label": t("Picture") });
  private readonly state = h("p", { class: "sync-state", role: "status" });
  private readonly grid = h("div", { class: "sync-grid" });

  connectedCallback(): void {
    if (this.built) return;
    this.built = true;
    const cameras = camerasOf(this);
    this.zone = knownZone(this.dataset["timeZone"]);
    this.api = new Api({ tenant: this.dataset["tenant"] ?? "" });
    const chooser = new CameraChooser(this.api, cameras.map(({ id }) => id), (id) => this.leaveFor([...this.ids(), id]));
    this.append(chooser.element);
    if (cameras.length === 0) return this.showEmpty(chooser);
    const at = Number(this.dataset["atUs"]);
    const now = this.api.clock.nowUs();
    this.clock = new SyncClock(this.dataset["atUs"] && Number.isFinite(at) ? Math.min(at, now) : now - BEGIN_AGO_US);
    this.build(cameras, chooser);
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
    this.play();
    void this.goTo(this.clock.at(performance.now()));
  }

  disconnectedCallback(): void {
    this.leaving.abort();
    clearInterval(this.timer);
    for (const tile of this.tiles) tile.close();
    this.source?.stop();
    this.stills?.close();
    this.keys?.terminate();
  }

  /** Every camera at `us`; goes on playing if it was. */
  async goTo(us: number): Promise<void> {
    const at = Math.round(Math.min(us, this.api.clock.nowUs()));
    this.clock.run(false, performance.now());
    this.clock.set(at, performance.now());
    this.patience.reset();
    this.timeline.reveal(at);
    this.showTime(at);
    this.remember(at);
    await Promise.all(this.tiles.map((tile) => tile.seek(at)));
  }

  /** The clock's instant, UTC µs. */
  currentUs(): number {
    return this.clock.at(performance.now());
  }

  private ids(): string[] {
    return this.tiles.map(({ camera }) => camera.id);
  }

  private showEmpty(chooser: CameraChooser): void {
    const open = h("button", { type: "button", class: "button primary" }, WORDS.add);
    open.addEventListener("click", () => chooser.open());
    this.append(h("div", { class: "sync-empty" }, h("h2", {}, WORDS.empty), h("p", {}, WORDS.emptyDetail), open));
  }

  private build(cameras: readonly SyncCamera[], chooser: CameraChooser): void {
    const { api } = this;
    this.keys = new KeyWorker();
    const trust = new TrustKeeper(api, (input) => this.keys.call("trust", input), new LocalPins());
    const haveSub = cameras.some(({ streams }) => streams.includes("sub"));
    this.stream = haveSub && innerWidth < SMALL_BELOW_PX ? "sub" : "main";
    const host: TileHost = {
      api,
      keys: this.keys,
      trust,
      onsound: (tile) => this.hear(tile.hears ? null : tile),
      onremove: (tile) => this.leaveFor(this.ids().filter((id) => id !== tile.camera.id)),
      onopen: (tile) => location.assign(withTime(tile.camera.href, "t", this.currentUs())),
    };
    this.tiles = cameras.map((camera) => new SyncTile(camera, host, this.stream));
    for (const { camera, player } of this.tiles) {
      player.on("state", ({ stop }) => {
        if (stop?.kind === "altered" && stop.atUs !== null) this.timeline.markAltered(camera.id, stop.atUs);
      });
    }
    this.timeline = new Timeline({
      zone: this.zone,
      rows: cameras.map(({ id, name }) => ({ camera: id, name })),
      pictures: () => this.openStills(),
      nowUs: () => api.clock.nowUs(),
      onseek: (us) => void this.goTo(us),
      onview: (view) => this.source?.show(view),
    });
    const failed = (error: unknown): void => this.notify(WORDS.timeline(error instanceof ApiError ? error.message : String(error)));
    this.source = new TimelineSource(
      api,
      cameras.map(({ id }) => id),
      () => this.stream,
      (id, runs, events) => this.timeline.setRuns(id, runs, events),
      failed,
    );
    this.layOut(haveSub, cameras.length < CAMERAS_MOST ? chooser : null);
    this.listen();
  }

  private async openStills(): Promise<Stills> {
    const { Stills: Class } = await import("../stills/stills");
    this.stills = new Class(this.api);
    if (this.leaving.signal.aborted) this.stills.close();
    return this.stills;
  }

  private layOut(haveSub: boolean, chooser: CameraChooser | null): void {
    for (const speed of SPEEDS) this.speed.append(h("option", { value: String(speed), selected: speed === 1 }, `${decimal(speed)}×`));
    for (const [name, words] of [["main", WORDS.full], ["sub", WORDS.small]] as const) {
      this.quality.append(h("option", { value: name, selected: name === this.stream }, words));
    }
    this.quality.hidden = !haveSub;
    const button = (name: Parameters<typeof icon>[0], words: string, act: () => void): HTMLButtonElement => {
      const made = h("button", { type: "button", class: "vp-button", "aria-label": words, title: words }, icon(name));
      made.addEventListener("click", act);
      return made;
    };
    this.when.append(this.date, " ", this.time);
    const help = button("help", t("Keys (?)"), () => this.help());
    help.classList.add("vp-keys");
    const controls = h(
      "div",
      { class: "vp-controls" },
      h(
        "div",
        { class: "vp-group" },
        button("back", t("Back 10 s (J)"), () => this.jump(-10)),
        button("stepBack", t("One picture back (,)"), () => this.step(-1)),
        this.playButton,
        button("stepOn", t("One picture forward (.)"), () => this.step(1)),
        button("forward", t("Forward 10 s (L)"), () => this.jump(10)),
      ),
      h("div", { class: "vp-group vp-when" }, this.when, this.state),
      h("div", { class: "vp-group vp-how" }, this.quality, this.speed),
      h("div", { class: "vp-group vp-tools" }, button("full", t("Full screen (F)"), () => this.toggleFull()), help),
    );
    const timeForm = new TimeForm(this.when, this.zone, () => this.currentUs(), (us) => void this.goTo(us));
    for (const tile of this.tiles) this.grid.append(tile.element);
    if (chooser) this.grid.append(chooser.offer(WORDS.add));
    this.grid.dataset["count"] = String(this.grid.childElementCount);
    this.append(this.grid, h("div", { class: "sync-deck vp" }, controls, timeForm.element, this.timeline.element));
    this.showPlaying();
  }

  private listen(): void {
    const { signal } = this.leaving;
    this.playButton.addEventListener("click", () => this.playOrPause());
    this.speed.addEventListener("change", () => this.setSpeed(Number(this.speed.value)));
    this.quality.addEventListener("change", () => void this.chooseStream(this.quality.value as StreamName));
    this.addEventListener("keydown", (event) => handleKey(event, this.keyActions), { signal });
    const anywhere = (event: KeyboardEvent): void => {
      if (event.target === document.body) handleKey(event, this.keyActions);
    };
    document.addEventListener("keydown", anywhere, { signal });
  }

  private goToEvent(direction: 1 | -1): void {
    const us = this.timeline.eventFrom(this.currentUs(), direction);
    if (us === null) this.notify(NO_EVENT);
    else void this.goTo(us);
  }

  private readonly keyActions: KeyActions = {
    playOrPause: () => this.playOrPause(),
    jump: (seconds) => this.jump(seconds),
    step: (direction) => this.step(direction),
    faster: (direction) => this.changeSpeed(direction),
    event: (direction) => this.goToEvent(direction),
    share: (share) => void this.goTo(this.timeline.instantAt(share)),
    full: () => this.toggleFull(),
    sound: () => this.nextSound(),
    live: () => this.notify(WORDS.alone),
    snapshot: () => this.notify(WORDS.alone),
    clip: () => this.notify(WORDS.alone),
    area: () => this.notify(WORDS.alone),
    mark: () => this.notify(WORDS.alone),
    pip: () => this.notify(WORDS.alone),
    help: () => this.help(),
  };

  private tick(): void {
    const ms = performance.now();
    const us = this.clock.at(ms);
    const late = this.tiles.filter((tile) => tile.readiness(us) === "late");
    const waits = this.wanted && this.patience.waits(late.map(({ camera }) => camera.id), ms);
    const away = this.tiles.every((tile) => tile.readiness(us) === "away");
    this.clock.run(this.wanted && !waits && !away, ms);
    if (away) this.passCommonHole(us);
    for (const tile of this.tiles) tile.follow(us, this.wanted, !waits, this.clock.rate);
    this.dataset["clock"] = this.wanted ? (waits ? "waiting" : away ? "away" : "running") : "paused";
    const words = waits ? WORDS.waiting(late.map(({ camera }) => camera.name).join(", ")) : "";
    if (this.state.textContent !== words && !this.toastTimer) this.state.textContent = words;
    this.showTime(us);
  }

  /** Nothing anywhere: on to the first camera that has something. */
  private passCommonHole(us: number): void {
    const next = Math.min(...this.tiles.map((tile) => tile.goesOnUs(us) ?? Infinity));
    if (!this.wanted || !Number.isFinite(next)) return;
    if (next - us > COMMON_HOLE_US) this.notify(WORDS.passed(duration(next - us)));
    this.clock.set(next, performance.now());
    this.timeline.reveal(next);
  }

  private playOrPause(): void {
    if (this.wanted) this.pause();
    else this.play();
  }

  private play(): void {
    this.wanted = true;
    this.patience.reset();
    this.showPlaying();
  }

  /** All stand at one instant. */
  private pause(): void {
    const ms = performance.now();
    this.wanted = false;
    this.clock.run(false, ms);
    const us = this.clock.at(ms);
    for (const tile of this.tiles) tile.follow(us, false, false, this.clock.rate);
    this.remember(us);
    this.showPlaying();
  }

  private jump(seconds: number): void {
    void this.goTo(this.currentUs() + seconds * 1e6);
  }

  /** By the pictures of the camera that is heard, else the first that has any; the others go to the same instant. */
  private step(direction: 1 | -1): void {
    if (this.wanted) this.pause();
    if (this.clock.rate > 2) this.setSpeed(1);
    this.stepping = this.stepping.then(async () => {
      const lead = await this.lead();
      if (!lead || this.wanted) return;
      await lead.player.step(direction);
      const to = lead.player.currentWallUs();
      if (to === null || this.wanted) return;
      this.clock.set(to, performance.now());
      this.timeline.reveal(to);
      this.remember(to);
      await Promise.all(this.tiles.filter((tile) => tile !== lead).map((tile) => tile.seek(to)));
    });
  }

  /** Whose pictures a step goes by, once it stands; null where none does in time. */
  private async lead(): Promise<SyncTile | null> {
    for (const until = performance.now() + LEAD_WAIT_MS; performance.now() < until; ) {
      const us = this.currentUs();
      const having = this.tiles.filter((tile) => tile.readiness(us) === "ready");
      if (having.length > 0) return having.find(({ hears }) => hears) ?? having[0] ?? null;
      if (this.tiles.every((tile) => tile.readiness(us) === "away")) return null;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    return null;
  }

  private changeSpeed(direction: 1 | -1): void {
    const at = SPEEDS.indexOf(this.clock.rate);
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + direction))] ?? 1);
  }

  private setSpeed(rate: number): void {
    this.speed.value = String(rate);
    this.clock.setRate(rate, performance.now());
    for (const tile of this.tiles) tile.player.setRate(rate);
  }

  private async chooseStream(stream: StreamName): Promise<void> {
    this.stream = stream;
    this.source?.reset();
    const having = this.tiles.filter(({ camera }) => camera.streams.includes(stream));
    await Promise.all(having.map((tile) => tile.player.setStream(stream)));
  }

  /** One is heard, or none. */
  private hear(tile: SyncTile | null): void {
    for (const other of this.tiles) other.hears = other === tile;
  }

  private nextSound(): void {
    const audible = this.tiles.filter(({ camera }) => camera.mayAudio);
    const now = audible.findIndex(({ hears }) => hears);
    this.hear(audible[now + 1] ?? null);
  }

  private toggleFull(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.requestFullscreen();
  }

  private help(): void {
    const dialog = helpDialog(KEY_HELP);
    this.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
  }

  private showPlaying(): void {
    setIcon(this.playButton, this.wanted ? "pause" : "play");
    const words = this.wanted ? WORDS.pause : WORDS.play;
    this.playButton.setAttribute("aria-label", words);
    this.playButton.title = words;
  }

  private showTime(us: number): void {
    const clock = `${clockTime(us, this.zone)} ${zoneName(us, this.zone)}`;
    if (this.time.textContent !== clock) {
      this.time.textContent = clock;
      this.date.textContent = day(us, this.zone);
    }
    this.dataset["clockUs"] = String(Math.round(us));
    this.timeline.setHead(us);
  }

  /** The address names cameras and instant, so that it can be sent to someone. */
  private remember(us: number): void {
    history.replaceState(history.state, "", withTime(location.href, "at", us));
  }

  private leaveFor(ids: readonly string[]): void {
    const url = new URL(location.href);
    url.searchParams.set("cameras", ids.join(","));
    const address = this.tiles.length > 0 ? withTime(url.href, "at", this.currentUs()) : url.href;
    location.assign(address);
  }

  private notify(text: string): void {
    this.state.textContent = text;
    clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => {
      this.toastTimer = 0;
      this.state.textContent = "";
    }, TOAST_MS);
  }
}

/** `address` with an instant to the second's thousandth as query `name`. */
export function withTime(address: string, name: string, us: number): string {
  const url = new URL(address, location.href);
  url.searchParams.set(name, new Date(us / 1000).toISOString());
  return url.href;
}

function camerasOf(element: HTMLElement): SyncCamera[] {
  return [...element.querySelectorAll<HTMLElement>("[data-sync-camera]")].map(({ dataset }) => ({
    id: dataset["syncCamera"] ?? "",
    name: dataset["name"] ?? "",
    site: dataset["site"] ?? "",
    streams: (dataset["streams"] ?? "main").split(/\s+/).filter((name): name is StreamName => name === "main" || name === "sub"),
    mayAudio: dataset["mayAudio"] === "1",
    href: dataset["href"] ?? "",
  }));
}

export function defineSync(): void {
  if (!customElements.get("vsaas-sync")) customElements.define("vsaas-sync", SyncElement);
}
