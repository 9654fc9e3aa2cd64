/** One camera on the wall: its state and why, its picture and how old that is. It never claims to be live when it is not. */
import type { ApiCamera } from "../api/types";
import { h } from "../dom";
import { decimal } from "../i18n/t";
import { sends, showState } from "../pages/states";
import type { StreamName } from "../sealing/registry";
import type { Still } from "../stills/stills";
import { clockTime, day, knownZone, zoneName, zoneOffsetUs } from "../times";
import type { LiveNews, LivePicture } from "./live-picture";
import { ago, whyWords, WORDS } from "./words";

export type OpenLive = (
  tile: WallTile,
  stream: StreamName,
  into: Element,
  tell: (news: LiveNews) => void,
  keep: (video: HTMLVideoElement, us: number) => void,
) => Promise<LivePicture>;

/** A picture wider than this is worth the main stream. */
const LARGE_PX = 800;
const DAY_US = 86_400_000_000;

function number(text: string | undefined): number | null {
  return text ? Number(text) : null;
}

export class WallTile {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly zone: string;
  readonly mayLive: boolean;
  readonly mayStill: boolean;
  readonly maySound: boolean;
  readonly link: HTMLAnchorElement;
  state: ApiCamera["state"];
  newestUs: number | null;
  /** When the picture shown was taken, UTC µs; null: there is none. */
  pictureUs: number | null = null;
  /** Why there is no picture although there should be one. */
  private problem: string | null = null;
  private grave = false;
  private reason: string | null;
  private sinceUs: number | null;
  private streams: readonly StreamName[];
  private readonly picture: HTMLElement;
  private readonly why: HTMLElement;
  private readonly whyText: HTMLElement;
  private readonly whySince: HTMLElement;
  private readonly when: HTMLElement;
  private canvas: HTMLCanvasElement | null = null;
  private live: LivePicture | null = null;
  private news: LiveNews | null = null;
  private opening: StreamName | null = null;
  private sound = false;

  constructor(
    readonly element: HTMLElement,
    private readonly openLive: OpenLive,
    private readonly nowUs: () => number,
  ) {
    const { dataset } = element;
    this.id = dataset["camera"] ?? "";
    this.name = dataset["name"] ?? "";
    this.site = dataset["site"] ?? "";
    this.zone = knownZone(dataset["timeZone"]);
    this.mayLive = dataset["live"] === "1";
    this.mayStill = dataset["playback"] === "1";
    this.maySound = dataset["audio"] === "1" && this.mayLive;
    this.state = dataset["state"] as ApiCamera["state"];
    this.reason = dataset["reason"] || null;
    this.sinceUs = number(dataset["sinceUs"]);
    this.newestUs = number(dataset["newestUs"]);
    this.streams = (dataset["streams"] ?? "").split(" ").filter(Boolean) as StreamName[];
    this.link = element.querySelector<HTMLAnchorElement>("a.tile-open") as HTMLAnchorElement;
    this.picture = element.querySelector<HTMLElement>(".picture") as HTMLElement;
    this.why = element.querySelector<HTMLElement>("[data-why]") as HTMLElement;
    this.whyText = this.why.querySelector<HTMLElement>("[data-why-text]") as HTMLElement;
    this.whySince = this.why.appendChild(h("span", { class: "since" }));
    this.when = element.querySelector<HTMLElement>("[data-when]") as HTMLElement;
    this.show();
  }

  /** Takes in what the portal says of the camera now. */
  update(camera: ApiCamera): void {
    const same = camera.state === this.state && camera.reason === this.reason && camera.since_us === this.sinceUs;
    this.reason = camera.reason;
    this.sinceUs = camera.since_us;
    this.newestUs = camera.newest_us;
    this.streams = camera.streams;
    // The words that speak of time go on by `tick`, and only where they are seen.
    if (same) return;
    if (this.state !== camera.state) {
      this.state = camera.state;
      this.element.dataset["state"] = camera.state;
      showState(this.element, camera.state);
    }
    this.show();
  }

  get isLive(): boolean {
    return this.news?.phase === "playing";
  }

  get watching(): boolean {
    return this.opening !== null;
  }

  get hears(): boolean {
    return this.sound;
  }

  /** Whether a live picture is to be had. */
  get canLive(): boolean {
    return this.mayLive && sends(this.state) && this.streams.length > 0;
  }

  /** Picture width worth fetching, device pixels. */
  get widthPx(): number {
    return Math.min(1280, Math.max(160, Math.round(this.picture.clientWidth * Math.min(2, devicePixelRatio))));
  }

  draw(still: Still): void {
    this.problem = null;
    this.grave = false;
    this.paint(still.bitmap, still.bitmap.width, still.bitmap.height, still.us);
    still.bitmap.close();
    this.show();
  }

  /** Says why there is no picture; one that is there stays, and grows old visibly. `grave`: said whatever the camera's state. */
  lacks(problem: string, grave = false): void {
    this.problem = problem;
    this.grave = grave;
    this.show();
  }

  /** Opens the live picture in the stream that suits the tile's size. */
  watch(): void {
    const stream = this.suitable();
    if (this.opening === stream) return;
    const { sound } = this;
    this.unwatch();
    this.sound = sound;
    this.opening = stream;
    this.element.dataset["watching"] = stream;
    this.show();
    void this.open(stream);
  }

  unwatch(): void {
    this.opening = null;
    this.setSound(false);
    delete this.element.dataset["watching"];
    this.live?.close();
    this.live = null;
    this.news = null;
    this.show();
  }

  setSound(on: boolean): void {
    this.sound = on && this.maySound;
    this.live?.setSound(this.sound);
    this.element.toggleAttribute("data-sound", this.sound);
  }

  /** Brings the words that speak of time up to date. */
  tick(): void {
    const words = this.whenWords();
    if (this.when.textContent !== words) this.when.textContent = words;
    const since = this.sinceWords();
    if (this.whySince.textContent !== since) this.whySince.textContent = since;
  }

  private suitable(): StreamName {
    if (!this.streams.includes("sub")) return "main";
    return this.picture.clientWidth > LARGE_PX && this.streams.includes("main") ? "main" : "sub";
  }

  private async open(stream: StreamName): Promise<void> {
    const live = await this.openLive(
      this,
      stream,
      this.picture,
      (news) => {
        this.news = news;
        this.show();
      },
      (video, us) => this.paint(video, video.videoWidth, video.videoHeight, us),
    );
    if (this.opening !== stream) return live.close();
    this.live = live;
    if (this.sound) live.setSound(true);
  }

  private paint(source: CanvasImageSource, width: number, height: number, us: number): void {
    this.canvas ??= this.picture.insertBefore(h("canvas", { class: "tile-still", "aria-hidden": "true" }), this.why);
    this.canvas.width = width;
    this.canvas.height = height;
    this.canvas.getContext("2d")?.drawImage(source, 0, 0, width, height);
    this.pictureUs = us;
  }

  private show(): void {
    const words = this.missing();
    this.why.hidden = words === null;
    if (words !== null && this.whyText.textContent !== words) this.whyText.textContent = words;
    const off = !sends(this.state) && !this.isLive;
    this.why.querySelector("use")?.setAttribute("href", off || this.problem ? "#i-off" : "#i-camera");
    this.element.dataset["picture"] = this.isLive ? "live" : this.pictureUs === null ? "none" : off ? "last" : "still";
    this.tick();
  }

  /** Why the picture is not what one would expect; null where it is. */
  private missing(): string | null {
    if (this.isLive) return null;
    if (this.grave) return this.problem;
    if (this.news?.phase === "stalled") return WORDS.stalled;
    if (!sends(this.state)) return whyWords(this.state, this.reason);
    if (this.news?.why && this.news.phase !== "idle") return this.news.why;
    if (this.pictureUs !== null) return this.problem;
    return this.problem ?? (this.watching ? WORDS.connecting : whyWords(this.state, null));
  }

  private sinceWords(): string {
    if (sends(this.state) || this.sinceUs === null) return "";
    return WORDS.since(this.time(this.sinceUs), ago(this.nowUs() - this.sinceUs));
  }

  private whenWords(): string {
    if (this.news && (this.isLive || this.news.phase === "stalled")) {
      const us = this.live?.us();
      const delay = `${decimal((this.news.delayMs ?? 0) / 1000, 1)} s`;
      return us == null ? WORDS.live(delay) : `${this.time(us)} · ${WORDS.live(delay)}`;
    }
    if (this.pictureUs === null) return "";
    return WORDS.taken(this.time(this.pictureUs), ago(this.nowUs() - this.pictureUs));
  }

  /** The time in the camera's zone, which is named where it is not this device's; with its day where that is not today. */
  private time(us: number): string {
    const elsewhere = zoneOffsetUs(us, this.zone) !== -new Date(us / 1000).getTimezoneOffset() * 60_000_000;
    const time = clockTime(us, this.zone) + (elsewhere ? ` ${zoneName(us, this.zone)}` : "");
    return this.nowUs() - us < DAY_US / 2 ? time : `${day(us, this.zone)} ${time}`;
  }
}
