/** `<vsaas-player>`: picture, controls, state and timeline of one camera, in the light DOM (frontend/README.md). */
import { Api, ApiError } from "../api/client";
import type { AreaTool } from "../area/tool";
import type { ClipTool, Span } from "../clip/tool";
import { h, icon, setIcon } from "../dom";
import { decimal, t, tIn } from "../i18n/t";
import { KeyWorker } from "../keys/client";
import { LiveView, type LiveState } from "../live/live-view";
import type { Stills } from "../stills/stills";
import type { StreamName } from "../sealing/registry";
import { Timeline } from "../timeline/timeline";
import type { Steers, TimelineEvent, TimelineRun } from "../api/types";
import { UploadNow } from "../upload-now/bar";
import { TimelineSource } from "../timeline/source";
import { clockTime, day, knownZone, zoneName } from "../times";
import { absentWords, duration, LIVE_STATUS, NO_EVENT, opensAgain } from "../words";
import { alarmPanel } from "./alarm";
import { helpDialog } from "./help";
import { handleKey, type KeyActions } from "./key-map";
import { LocalPins } from "./pins";
import { PictureHand } from "./picture-hand";
import { Player, type PlayerEvents, type PlayerState, type Stop } from "./player";
import { TimeForm } from "./time-form";
import { TrustKeeper, type TrustAlarm } from "./trust";
import { TrustBadge } from "./trust-badge";
import type { SteeringPanel } from "../steering/panel";
import { STEP, zoomWords, type Zoom } from "./zoom";

const SPEEDS = [0.5, 1, 1.5, 2, 4, 8];
/** Faster than this no single picture is meant, so a step goes back to normal speed. */
const STEPS_UP_TO = 2;
const CONTROLS_MS = 3000;
const AGAIN_MS = 5000;
const TOAST_MS = 8000;
/** The clip first offered: from the picture on, or the last of what is live. */
const CLIP_US = 30_000_000;
const NO_CLIP = t("Your role does not let you save clips. Ask an owner of your organisation.");

type Mode = "live" | "playback";
type Tone = "ok" | "warn" | "bad" | "info";

function streamsOf(text: string | undefined): StreamName[] {
  const names = (text ?? "main").split(/\s+/).filter((name): name is StreamName => name === "main" || name === "sub");
  return names.length > 0 ? names : ["main"];
}

export class PlayerElement extends HTMLElement {
  private api!: Api;
  private keys!: KeyWorker;
  private trust!: TrustKeeper;
  private player!: Player;
  private live!: LiveView;
  private timeline!: Timeline;
  private source!: TimelineSource;
  private uploads!: UploadNow;
  private zone = "UTC";
  private mode: Mode = "playback";
  private streams: StreamName[] = ["main"];
  private stream: StreamName = "main";
  private built = false;
  private leaving = new AbortController();
  private again = 0;
  private hideTimer = 0;
  private toastTimer = 0;
  private pendingSeek = 0;
  private hand!: PictureHand;
  private clip: ClipTool | null = null;
  private clipLoading = false;
  private area: AreaTool | null = null;
  private areaLoading = false;
  private stills: Stills | null = null;
  private steering: SteeringPanel | null = null;

  private readonly video = h("video", { playsinline: true });
  private readonly picture = h("div", { class: "vp-picture", tabindex: "0", role: "group" });
  private readonly badge = new TrustBadge(() => this.trust.fingerprint);
  private readonly late = h("span", { class: "vp-late", "data-delay": "" });
  private readonly message = h("div", { class: "vp-message", role: "alert", hidden: true });
  private readonly toast = h("div", { class: "vp-toast", role: "status" });
  private readonly controls = h("div", { class: "vp-controls" });
  private readonly date = h("span", { class: "vp-date" });
  private readonly clock = h("span", { class: "vp-clock" }, t("Go to a time"));
  private readonly time = h("button", { type: "button", class: "vp-time", title: t("Go to a time"), "aria-expanded": "false" });
  private readonly zoomBar = h("div", { class: "vp-zoom", role: "group", "aria-label": t("Zoom"), hidden: true });
  private readonly zoomText = h("output", { class: "vp-zoom-text" });
  private readonly playButton = h("button", { type: "button", class: "vp-button vp-play" }, icon("play"));
  private readonly soundButton = h("button", { type: "button", class: "vp-button" }, icon("muted"));
  private readonly fullButton = h("button", { type: "button", class: "vp-button" }, icon("full"));
  private readonly clipButton = h("button", { type: "button", class: "vp-button", "aria-expanded": "false" }, icon("clip"));
  private readonly areaButton = h("button", { type: "button", class: "vp-button", "aria-expanded": "false" }, icon("area"));
  private readonly pipButton = h("button", { type: "button", class: "vp-button" }, icon("pip"));
  private readonly steerButton = h("button", { type: "button", class: "vp-button", "aria-expanded": "false" }, icon("steer"));
  private readonly liveButton = h("button", { type: "button", class: "vp-live" }, t("Live"));
  private readonly speed = h("select", { class: "vp-select", "aria-label": t("Speed") });
  private readonly quality = h("select", { class: "vp-select", "aria-label": t("Picture") });

  connectedCallback(): void {
    if (!this.built) this.build();
    this.built = true;
    const at = Number(this.dataset["timeUs"]);
    if (this.dataset["timeUs"] && Number.isFinite(at)) void this.goTo(at);
    else if (this.may("Live")) this.goLive();
    else if (this.may("Playback")) void this.goTo(this.api.clock.nowUs() - 60e6);
    else this.say("bad", t("You may not watch this camera"), t("Ask an owner of your organisation for access."));
  }

  disconnectedCallback(): void {
    this.leaving.abort();
    clearTimeout(this.again);
    this.clip?.close();
    this.area?.close();
    this.steering?.release();
    this.steering = null;
    this.live.stop();
    this.player.close();
    this.source.stop();
    this.stills?.close();
    this.stills = null;
    this.uploads.stop();
    this.keys.terminate();
    this.built = false;
    this.replaceChildren();
  }

  /** Wall clock of the picture, UTC µs; null without one. */
  currentWallUs(): number | null {
    return this.mode === "live" ? this.live.currentWallUs() : this.player.currentWallUs();
  }

  /** Plays stored footage from `us` on. */
  async goTo(us: number): Promise<void> {
    if (!this.may("Playback")) return this.notify(t("You may not play recordings of this camera"));
    if (this.mode === "live") this.live.stop();
    this.setMode("playback");
    this.hideMessage();
    this.timeline.reveal(us);
    this.timeline.setHead(us);
    this.uploads.at(us);
    this.remember(us);
    this.player.setRate(Number(this.speed.value));
    void this.player.play();
    await this.player.seek(Math.round(Math.min(us, this.api.clock.nowUs())));
  }

  goLive(): void {
    if (!this.may("Live")) return this.notify(t("You may not watch this camera live"));
    this.player.close();
    this.setMode("live");
    this.hideMessage();
    this.video.defaultPlaybackRate = 1;
    this.remember(null);
    this.timeline.reveal(this.api.clock.nowUs());
    this.live.start(this.stream);
  }

  private showRuns(camera: string, runs: readonly TimelineRun[], events: readonly TimelineEvent[]): void {
    this.timeline.setRuns(camera, runs, events);
    this.uploads.setRuns(runs);
  }

  private may(what: "Live" | "Playback" | "Audio" | "Clip"): boolean {
    return this.dataset[`may${what}`] === "1";
  }

  private get camera(): string {
    return this.dataset["camera"] ?? "";
  }

  private build(): void {
    this.leaving = new AbortController();
    this.zone = knownZone(this.dataset["timeZone"]);
    this.streams = streamsOf(this.dataset["streams"]);
    this.stream = this.streams[0] ?? "main";
    this.api = new Api({ tenant: this.dataset["tenant"] ?? "" });
    this.keys = new KeyWorker();
    this.trust = new TrustKeeper(this.api, (input) => this.keys.call("trust", input), new LocalPins());
    const { api, keys, trust, camera, streams } = this;
    this.player = new Player(this.video, { api, keys, trust, camera, streams, audio: this.may("Audio") });
    this.live = new LiveView(this.video, api, keys, trust, camera);
    this.timeline = new Timeline({
      zone: this.zone,
      rows: [{ camera, name: this.dataset["name"] ?? "" }],
      ...(this.may("Playback") && { pictures: () => this.openStills() }),
      nowUs: () => api.clock.nowUs(),
      onseek: (us) => void this.goTo(us),
      onview: (view) => {
        this.source.show(view);
        this.clip?.shown(view);
        this.area?.shown(view);
      },
    });
    this.source = new TimelineSource(api, [camera], () => this.stream, (id, runs, events) => this.showRuns(id, runs, events), (error) =>
      this.timelineFailed(error),
    );
    this.uploads = new UploadNow({
      ...{ api, camera, zone: this.zone },
      stream: () => this.stream,
      onready: (us) => {
        this.source.reset();
        if (us !== null) void this.goTo(us);
      },
    });
    this.video.muted = true;
    this.layOut();
    this.timeline.element.after(this.uploads.element);
    this.listen();
  }

  private async openStills(): Promise<Stills> {
    const { Stills: Class } = await import("../stills/stills");
    this.stills = new Class(this.api);
    if (this.leaving.signal.aborted) this.stills.close();
    return this.stills;
  }

  private layOut(): void {
    const timeForm = new TimeForm(this.time, this.zone, () => this.currentWallUs() ?? this.api.clock.nowUs(), (us) => void this.goTo(us));
    for (const speed of SPEEDS) this.speed.append(h("option", { value: String(speed), selected: speed === 1 }, `${decimal(speed)}×`));
    for (const name of this.streams) {
      this.quality.append(h("option", { value: name }, name === "main" ? t("Full picture") : t("Small picture")));
    }
    this.quality.hidden = this.streams.length < 2;
    this.soundButton.hidden = !this.may("Audio");
    this.liveButton.hidden = !this.may("Live");
    const back = this.button("back", t("Back 10 s (J)"), () => this.jump(-10));
    const forward = this.button("forward", t("Forward 10 s (L)"), () => this.jump(10));
    const help = this.button("help", t("Keys (?)"), () => this.help());
    help.classList.add("vp-keys");
    const still = this.button("still", t("Save this picture (S)"), () => void this.snapshot());
    const zoom = this.button("zoom", t("Zoom in (+)"), () => this.hand.step(this.hand.current.scale === 1 ? 2 : STEP));
    this.label(this.clipButton, this.may("Clip") ? t("Save a clip (E)") : NO_CLIP);
    if (!this.may("Clip")) this.clipButton.setAttribute("aria-disabled", "true");
    this.clipButton.hidden = this.areaButton.hidden = !this.may("Playback");
    this.label(this.areaButton, t("Search in an area (A)"));
    this.label(this.steerButton, t("Steer the camera"));
    this.steerButton.addEventListener("click", () => void this.toggleSteering());
    this.pipButton.hidden = !document.pictureInPictureEnabled;
    this.label(this.pipButton, t("Picture in picture (P)"));
    const compare = this.button("compare", t("Add a camera to compare"), () => this.compare());
    compare.hidden = !this.dataset["compare"];
    this.time.append(this.date, " ", this.clock);
    this.controls.append(
      h("div", { class: "vp-group" }, back, this.playButton, forward),
      h("div", { class: "vp-group vp-when" }, this.time, this.liveButton),
      h("div", { class: "vp-group vp-how" }, this.quality, this.speed),
      h("div", { class: "vp-group vp-tools" }, still, this.clipButton, this.areaButton, this.steerButton, zoom, compare, this.soundButton, this.pipButton, this.fullButton, help),
    );
    this.picture.setAttribute("aria-label", t("Picture of {name}", { name: this.dataset["name"] ?? t("the camera") }));
    const top = h("div", { class: "vp-top" }, this.badge.element, this.late);
    this.layOutZoom();
    this.picture.append(this.video, h("div", { class: "vp-veil" }), this.message, this.toast, top, this.zoomBar);
    this.classList.add("vp");
    this.replaceChildren(this.picture, this.controls, timeForm.element, this.timeline.element);
    this.showSound();
    this.showFull();
    this.label(this.playButton, t("Play (Space)"));
  }

  private layOutZoom(): void {
    const button = (words: string, sign: string, act: () => void): HTMLButtonElement => {
      const made = h("button", { type: "button", class: "vp-button", "aria-label": words, title: words }, sign);
      made.addEventListener("click", act);
      return made;
    };
    this.zoomBar.append(
      button(t("Zoom out (−)"), "−", () => this.hand.step(1 / STEP)),
      this.zoomText,
      button(t("Zoom in (+)"), "+", () => this.hand.step(STEP)),
      button(t("Show the whole picture"), t("Reset"), () => this.hand.reset()),
    );
  }

  private button(name: Parameters<typeof icon>[0], label: string, act: () => void): HTMLButtonElement {
    const button = h("button", { type: "button", class: "vp-button", "aria-label": label, title: label }, icon(name));
    button.addEventListener("click", act);
    return button;
  }

  private listen(): void {
    this.playButton.addEventListener("click", () => this.playOrPause());
    this.soundButton.addEventListener("click", () => this.toggleSound());
    this.fullButton.addEventListener("click", () => this.toggleFull());
    this.liveButton.addEventListener("click", () => this.goLive());
    this.speed.addEventListener("change", () => this.player.setRate(Number(this.speed.value)));
    this.quality.addEventListener("change", () => void this.chooseStream(this.quality.value as StreamName));
    this.clipButton.addEventListener("click", () => void this.toggleClip());
    this.areaButton.addEventListener("click", () => void this.toggleArea());
    this.pipButton.addEventListener("click", () => void this.togglePip());
    this.picture.addEventListener("pointermove", () => this.showControls());
    const { signal } = this.leaving;
    this.hand = new PictureHand(this.picture, this.video, {
      onclick: () => this.mode === "playback" && this.playOrPause(),
      ondoubletap: (share) => this.doubleTap(share),
      ondoubleclick: () => (this.hand.current.scale > 1 ? this.hand.reset() : this.toggleFull()),
      onzoom: (zoom) => this.showZoom(zoom),
    });
    for (const name of ["click", "focusin"]) {
      document.addEventListener(name, (event) => this.badge.closeUnless(event.target), { signal });
    }
    this.addEventListener("keydown", (event) => handleKey(event, this.keyActions), { signal });
    // Keys work wherever nothing else wants them.
    const anywhere = (event: KeyboardEvent): void => {
      if (event.target === document.body) handleKey(event, this.keyActions);
    };
    document.addEventListener("keydown", anywhere, { signal });
    document.addEventListener("fullscreenchange", () => this.showFull(), { signal });
    addEventListener("online", () => this.player.state.stop?.kind === "unreachable" && this.tryAgain(), { signal });
    this.player.on("state", (state) => this.playback(state));
    this.player.on("time", (us) => this.shownTime("playback", us));
    this.player.on("skipped", (skipped) => this.skipped(skipped));
    this.player.on("codec", ({ codec, fallback }) => {
      if (!fallback) return;
      this.stream = fallback;
      this.quality.value = fallback;
      this.notify(t("This browser cannot play {codec}: showing the small picture instead", { codec }));
    });
    this.live.on("state", (state) => this.liveState(state));
    this.live.on("time", (us) => this.shownTime("live", us));
    this.live.on("codec", ({ stream, codec }) => this.liveCodec(stream, codec));
  }

  private readonly keyActions: KeyActions = {
    playOrPause: () => this.playOrPause(),
    jump: (seconds) => this.jump(seconds),
    step: (direction) => this.step(direction),
    faster: (direction) => this.changeSpeed(direction),
    event: (direction) => this.goToEvent(direction),
    share: (share) => void this.goTo(this.timeline.instantAt(share)),
    full: () => this.toggleFull(),
    sound: () => this.toggleSound(),
    live: () => this.goLive(),
    snapshot: () => void this.snapshot(),
    clip: () => void this.toggleClip(),
    area: () => void this.toggleArea(),
    mark: (end) => this.clip?.panel.mark(end),
    pip: () => void this.togglePip(),
    help: () => this.help(),
  };

  /** The panel that steers, under the controls: while one watches live, where the camera turns and one may. */
  private async toggleSteering(): Promise<void> {
    if (this.steering) return this.closeSteering();
    const { SteeringPanel: Panel } = await import("../steering/panel");
    if (this.steering || this.mode !== "live") return;
    this.steering = new Panel({
      api: this.api,
      camera: this.camera,
      steers: new Set((this.dataset["steers"] ?? "").split(" ") as Steers[]),
      mayKeep: this.dataset["mayEdit"] === "1",
    });
    this.controls.after(this.steering.element);
    this.steerButton.setAttribute("aria-expanded", "true");
    this.steering.element.querySelector("button")?.focus();
  }

  private closeSteering(): void {
    this.steering?.release();
    this.steering?.element.remove();
    this.steering = null;
    this.steerButton.setAttribute("aria-expanded", "false");
  }

  private setMode(mode: Mode): void {
    this.mode = mode;
    this.dataset["mode"] = mode;
    this.liveButton.setAttribute("aria-pressed", String(mode === "live"));
    this.speed.disabled = mode === "live";
    this.steerButton.hidden = mode !== "live" || !this.dataset["steers"];
    if (mode !== "live" && this.steering) this.closeSteering();
  }

  private playOrPause(): void {
    if (this.mode === "live") {
      // Pausing live leaves it: the picture stays at this second, as recorded.
      const us = this.live.currentWallUs();
      if (us !== null) void this.goTo(us).then(() => this.player.pause());
    } else if (this.player.playing) {
      this.player.pause();
    } else if (this.player.state.phase === "stopped") {
      void this.goTo(this.player.currentWallUs() ?? this.api.clock.nowUs());
    } else {
      void this.player.play();
    }
  }

  /** Several presses in a row add up before anything is fetched. */
  private jump(seconds: number): void {
    const from = this.pendingSeek || this.currentWallUs();
    if (!from) return;
    const to = from + seconds * 1e6;
    if (this.mode === "live" && seconds > 0) return;
    if (to > this.api.clock.nowUs()) return this.goLive();
    this.pendingSeek = to;
    queueMicrotask(() => {
      if (this.pendingSeek !== to) return;
      this.pendingSeek = 0;
      void this.goTo(to);
    });
  }

  private goToEvent(direction: 1 | -1): void {
    const us = this.timeline.eventFrom(this.currentWallUs() ?? this.api.clock.nowUs(), direction);
    if (us === null) this.notify(NO_EVENT);
    else void this.goTo(us);
  }

  private changeSpeed(direction: 1 | -1): void {
    const at = SPEEDS.indexOf(Number(this.speed.value));
    const next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + direction))] ?? 1;
    this.speed.value = String(next);
    this.player.setRate(next);
  }

  private step(direction: 1 | -1): void {
    if (this.mode !== "playback") return this.notify(t("Pause first: single pictures are shown from the recording"));
    if (Number(this.speed.value) > STEPS_UP_TO) {
      this.speed.value = "1";
      this.player.setRate(1);
    }
    void this.player.step(direction);
  }

  /** Left third 10 s back, right third 10 s on, between them full screen. */
  private doubleTap(share: number): void {
    if (share > 1 / 3 && share < 2 / 3) return this.hand.current.scale > 1 ? this.hand.reset() : this.toggleFull();
    const seconds = share < 0.5 ? -10 : 10;
    this.jump(seconds);
    this.notify(seconds < 0 ? t("Back 10 s") : t("Forward 10 s"));
  }

  private showZoom(zoom: Zoom): void {
    // The rectangle of a search lies over the whole picture, not over a part of it.
    if (this.area && zoom.scale > 1) return this.hand.reset();
    this.zoomBar.hidden = zoom.scale === 1;
    this.zoomText.textContent = zoomWords(zoom);
  }

  private async snapshot(): Promise<void> {
    const { takeSnapshot } = await import("./snapshot");
    const live = this.mode === "live";
    try {
      const name = await takeSnapshot(this.video, {
        camera: this.dataset["name"] ?? "",
        cameraId: this.camera,
        zone: this.zone,
        live,
        trust: (live ? this.live : this.player).state.trust,
        wallUs: (time) => (live ? this.live.wallUsAt(time) : this.player.wallUsAt(time)),
      });
      this.notify(name ? t("Saved {name}", { name }) : t("There is no picture to save yet"));
    } catch (error) {
      this.notify(t("The picture was not saved: {why}", { why: error instanceof Error ? error.message : String(error) }));
    }
  }

  private async togglePip(): Promise<void> {
    if (!document.pictureInPictureEnabled) return this.notify(t("This browser has no picture in picture"));
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.video.requestPictureInPicture();
    } catch {
      // Without a picture, or refused by the browser.
      this.notify(t("Picture in picture is not possible right now"));
    }
  }

  /** Other cameras beside this one, at this instant. */
  private compare(): void {
    const url = new URL(this.dataset["compare"] ?? "", location.href);
    const us = this.currentWallUs();
    if (us !== null) url.searchParams.set("at", new Date(us / 1000).toISOString());
    location.assign(url);
  }

  private async toggleClip(): Promise<void> {
    if (!this.may("Clip")) return this.notify(NO_CLIP);
    if (this.clip?.panel.busy) return this.notify(t("A clip is being saved. Cancel it first."));
    if (this.clip) return this.clip.close();
    if (this.clipLoading || !this.may("Playback")) return;
    this.clipLoading = true;
    try {
      const { ClipTool: Tool } = await import("../clip/tool");
      if (!this.leaving.signal.aborted) this.openClip(Tool);
    } finally {
      this.clipLoading = false;
    }
  }

  private openClip(Tool: typeof ClipTool): void {
    const { api, camera, streams, stream, zone, timeline } = this;
    this.clip = new Tool({
      ...{ api, camera, streams, stream, zone, timeline },
      name: this.dataset["name"] ?? "",
      audio: this.may("Audio"),
      span: this.firstClip(),
      hereUs: () => this.currentWallUs(),
      onclosed: () => {
        this.clip = null;
        this.clipButton.setAttribute("aria-expanded", "false");
        this.clipButton.focus();
      },
    });
    this.clipButton.setAttribute("aria-expanded", "true");
    this.timeline.element.after(this.clip.panel.element);
    this.clip.panel.focus();
  }

  /** The rectangle on the picture and its panel, or away with them. */
  private async toggleArea(): Promise<void> {
    if (!this.may("Playback") || this.areaLoading) return;
    if (this.area) return this.area.close();
    this.areaLoading = true;
    try {
      const { AreaTool: Tool } = await import("../area/tool");
      if (!this.leaving.signal.aborted) this.openArea(Tool);
    } finally {
      this.areaLoading = false;
    }
  }

  private openArea(Tool: typeof AreaTool): void {
    const { api, keys, trust, camera, video, timeline, zone } = this;
    // The rectangle lies over the whole picture.
    this.hand.reset();
    this.area = new Tool({
      ...{ api, keys, trust, camera, video, timeline, zone },
      onseek: (us) => void this.goTo(us),
      onclosed: () => {
        this.area = null;
        this.areaButton.setAttribute("aria-expanded", "false");
        this.areaButton.focus();
      },
    });
    this.areaButton.setAttribute("aria-expanded", "true");
    this.timeline.element.after(this.area.panel.element);
    this.area.rectangle.element.focus({ preventScroll: true });
  }

  private firstClip(): Span {
    const now = Math.floor(this.api.clock.nowUs() / 1e6) * 1e6;
    const here = Math.floor((this.currentWallUs() ?? now) / 1e6) * 1e6;
    const fromUs = this.mode === "live" ? now - CLIP_US : Math.min(here, now - 1e6);
    return { fromUs, toUs: Math.min(now, fromUs + CLIP_US) };
  }

  private async chooseStream(stream: StreamName): Promise<void> {
    this.stream = stream;
    this.quality.value = stream;
    this.source.reset();
    if (this.mode === "live") this.live.start(stream);
    else await this.player.setStream(stream);
  }

  private liveCodec(stream: StreamName, codec: string): void {
    if (stream !== "main" || !this.streams.includes("sub")) return;
    this.notify(t("This browser cannot play {codec}: showing the small picture instead", { codec }));
    void this.chooseStream("sub");
  }

  private toggleSound(): void {
    if (!this.may("Audio")) return;
    this.video.muted = !this.video.muted;
    this.showSound();
  }

  private showSound(): void {
    setIcon(this.soundButton, this.video.muted ? "muted" : "sound");
    this.label(this.soundButton, this.video.muted ? t("Sound on (M)") : t("Sound off (M)"));
  }

  private toggleFull(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.requestFullscreen();
  }

  private showFull(): void {
    const full = document.fullscreenElement === this;
    setIcon(this.fullButton, full ? "small" : "full");
    this.label(this.fullButton, full ? t("Leave full screen (F)") : t("Full screen (F)"));
  }

  private label(button: Element, text: string): void {
    if (button.getAttribute("aria-label") === text) return;
    button.setAttribute("aria-label", text);
    button.setAttribute("title", text);
  }

  private help(): void {
    const dialog = helpDialog();
    this.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
  }

  private showControls(): void {
    this.classList.add("vp-active");
    clearTimeout(this.hideTimer);
    this.hideTimer = window.setTimeout(() => this.classList.remove("vp-active"), CONTROLS_MS);
  }

  /** The address names the instant, so that it can be sent to someone. */
  private remember(us: number | null): void {
    const url = new URL(location.href);
    if (us === null) url.searchParams.delete("t");
    else url.searchParams.set("t", new Date(us / 1000).toISOString());
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }

  private shownTime(mode: Mode, us: number): void {
    if (this.mode !== mode) return;
    this.showTime(us);
    this.timeline.setHead(us);
  }

  private showTime(us: number): void {
    const clock = `${clockTime(us, this.zone)} ${zoneName(us, this.zone)}`;
    if (this.clock.textContent !== clock) {
      this.clock.textContent = clock;
      this.date.textContent = day(us, this.zone);
    }
    this.dataset["wallUs"] = String(us);
  }

  private playback(state: PlayerState): void {
    if (this.mode !== "playback") return;
    this.dataset["phase"] = state.phase;
    this.dataset["trust"] = state.trust;
    if (this.stream !== state.stream) {
      this.stream = state.stream;
      this.quality.value = state.stream;
      this.source.reset();
    }
    setIcon(this.playButton, state.playing ? "pause" : "play");
    this.label(this.playButton, state.playing ? t("Pause (Space)") : t("Play (Space)"));
    this.late.textContent = state.keyFramesOnly ? t("Recording, key frames only") : tIn("what is shown", "Recording");
    this.badge.show(state.trust, false, state.adopted);
    if (state.stop) this.showStop(state.stop);
    else if (state.waiting) this.say("warn", t("Waiting for the network"), t("{why}. Trying again by itself.", { why: state.waiting.message }));
    else if (state.phase === "end") this.say("info", t("No newer recording yet"), t("It goes on here as soon as more is stored."));
    else this.hideMessage();
  }

  private showStop(stop: Stop): void {
    const at = stop.atUs === null ? "" : `${day(stop.atUs, this.zone)} ${clockTime(stop.atUs, this.zone)} ${zoneName(stop.atUs, this.zone)}`;
    switch (stop.kind) {
      case "altered":
        if (stop.atUs !== null) this.timeline.markAltered(this.camera, stop.atUs);
        return this.say("bad", t("Altered at {at}", { at }), `${stop.message} ${t("Playback stops here. Choose another time to go on.")}`);
      case "alarm":
        return this.sayAlarm(stop.alarm ?? null, stop.message);
      case "codec":
        return this.say("warn", t("No picture in this browser"), stop.message);
      case "denied":
        return this.say("warn", t("Not permitted"), stop.message);
      case "signed-out":
        return this.say("warn", t("Signed out"), stop.message);
      case "unreachable":
        this.tryAgainLater();
        return this.say("warn", t("Waiting for the network"), t("{why} Trying again by itself.", { why: stop.message }), [t("Try again"), this.tryAgain]);
      case "decode":
      case "failed":
        return this.say("bad", t("Playback stopped"), stop.message, [t("Try again"), this.tryAgain]);
    }
  }

  private readonly tryAgain = (): void => {
    if (this.mode === "playback" && this.player.state.phase === "stopped") void this.goTo(this.player.currentWallUs() ?? this.api.clock.nowUs());
  };

  /** Without a connection the device itself says when it is back (`online`); a portal that is away is asked again. */
  private tryAgainLater(): void {
    clearTimeout(this.again);
    this.again = window.setTimeout(() => (navigator.onLine ? this.tryAgain() : undefined), AGAIN_MS);
  }

  private sayAlarm(alarm: TrustAlarm | null, message: string): void {
    if (!alarm) return this.say("bad", t("Playback stopped"), message);
    const panel = alarmPanel(alarm, () => {
      this.trust.trustAnew();
      location.reload();
    });
    this.showMessage("bad", panel);
  }

  private skipped({ fromUs, toUs, why }: PlayerEvents["skipped"]): void {
    const words = [...new Set(why.map((absent) => absentWords(absent.kind, absent.reason)))].join("; ");
    this.notify(t("{what}. Passed over {length} from {from}", { what: words, length: duration(toUs - fromUs), from: clockTime(fromUs, this.zone) }));
  }

  private liveState(state: LiveState): void {
    if (this.mode !== "live") return;
    this.dataset["phase"] = state.phase;
    this.dataset["trust"] = state.trust;
    setIcon(this.playButton, "pause");
    this.label(this.playButton, t("Pause and watch the recording (Space)"));
    this.badge.show(state.trust === "none" && state.phase === "playing" ? "opened" : state.trust, true);
    this.late.textContent = state.delayMs === null ? t("Live") : t("Live, {delay} s behind", { delay: decimal(state.delayMs / 1000, 1) });
    if (state.delayMs !== null) this.dataset["delayMs"] = String(state.delayMs);
    else delete this.dataset["delayMs"];
    this.showLivePhase(state);
  }

  private showLivePhase(state: LiveState): void {
    const word = state.word ? (LIVE_STATUS[state.word] ?? state.word) : null;
    const since = state.stalledSinceMs === null ? null : duration((performance.now() - state.stalledSinceMs) * 1000);
    const retry: [string, () => void] = [t("Try again"), () => this.goLive()];
    if (state.alarm) this.sayAlarm(state.alarm, state.message ?? "");
    else if (state.trust === "altered") {
      this.say("bad", t("This live picture is not the one the agent signed"), state.message ?? "", retry);
    } else if (state.word === "outside-hours") this.say("warn", word ?? "", opensAgain(state.message, this.zone));
    else if (state.phase === "stopped") this.say("warn", word ?? t("The live view stopped"), state.message ?? "", retry);
    else if (state.phase === "stalled") this.say("warn", since === null ? t("No new picture") : t("No new picture for {since}", { since }), navigator.onLine ? t("Waiting for the camera's agent.") : t("This device has no connection."));
    else if (state.phase === "offline") this.say("warn", word ?? t("No live picture"), t("Connecting again by itself."));
    else if (state.phase !== "playing") this.say("info", word ?? t("Connecting"), "");
    else {
      this.hideMessage();
      if (word) this.notify(word);
    }
  }

  private say(tone: Tone, title: string, detail: string, action?: [string, () => void]): void {
    const name = tone === "bad" ? "bad" : tone === "warn" ? "warn" : "wait";
    const key = `${tone}/${title}/${detail}`;
    if (this.message.dataset["said"] === key) return;
    const button = action ? h("button", { type: "button", class: "button" }, action[0]) : null;
    button?.addEventListener("click", () => action?.[1]());
    this.showMessage(tone, h("div", {}, icon(name), h("h2", {}, title), detail ? h("p", {}, detail) : null, button));
    this.message.dataset["said"] = key;
  }

  private showMessage(tone: Tone, content: Node): void {
    if (this.message.dataset["said"] === "panel" && content instanceof HTMLElement && content.dataset["panel"]) return;
    this.message.dataset["tone"] = tone;
    this.message.dataset["said"] = content instanceof HTMLElement && content.dataset["panel"] ? "panel" : "";
    this.message.replaceChildren(content);
    this.message.hidden = false;
  }

  private hideMessage(): void {
    this.message.hidden = true;
    this.message.dataset["said"] = "";
  }

  private notify(text: string): void {
    this.toast.textContent = text;
    clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => (this.toast.textContent = ""), TOAST_MS);
  }

  private timelineFailed(error: unknown): void {
    const message = error instanceof ApiError ? error.message : String(error);
    this.notify(t("The timeline could not be loaded: {message}", { message }));
  }
}

export function definePlayer(): void {
  if (!customElements.get("vsaas-player")) customElements.define("vsaas-player", PlayerElement);
}

