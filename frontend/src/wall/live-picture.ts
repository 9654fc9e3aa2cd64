/** The live picture of one tile: no controls of its own; when it ends, its last picture is handed on. */
import type { Api } from "../api/client";
import { h } from "../dom";
import { KeyWorker } from "../keys/client";
import { isTaken, LiveView, type LivePhase } from "../live/live-view";
import { LocalPins } from "../player/pins";
import { TrustKeeper } from "../player/trust";
import type { StreamName } from "../sealing/registry";
import { LIVE_STATUS } from "../words";
import type { SharedStatements } from "./statements";

export interface LiveNews {
  readonly phase: LivePhase;
  readonly delayMs: number | null;
  /** Why there is no picture, or null. */
  readonly why: string | null;
}

export interface LivePicture {
  readonly stream: StreamName;
  /** Wall clock of the picture, UTC µs. */
  us(): number | null;
  setSound(on: boolean): void;
  close(): void;
}

export interface LiveOptions {
  readonly api: Api;
  readonly statements: SharedStatements;
  readonly camera: string;
  readonly stream: StreamName;
  /** Where the picture goes. */
  readonly into: Element;
  tell(news: LiveNews): void;
  /** The picture that stays: called before the video goes, while it still shows one. */
  keep(video: HTMLVideoElement, us: number): void;
}

export function openLive({ api, statements, camera, stream, into, tell, keep }: LiveOptions): LivePicture {
  const video = h("video", { playsinline: true, class: "tile-live", "aria-hidden": "true" });
  video.muted = true;
  video.hidden = true;
  const keys = new KeyWorker();
  const trust = new TrustKeeper(statements, (input) => keys.call("trust", input), new LocalPins());
  const live = new LiveView(video, api, keys, trust, camera);
  const keepLast = (): void => {
    const us = live.currentWallUs();
    if (!video.hidden && us !== null && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) keep(video, us);
  };
  live.on("state", (state) => {
    const shown = state.phase === "playing" || state.phase === "stalled";
    if (!shown && !isTaken(state)) keepLast();
    video.hidden = !shown;
    video.classList.toggle("dimmed", state.phase === "stalled");
    const why = state.word === null ? state.message : (LIVE_STATUS[state.word] ?? state.message);
    tell({ phase: state.phase, delayMs: state.delayMs, why });
  });
  live.on("codec", ({ stream: missing }) => {
    if (missing === stream) live.start(stream === "sub" ? "main" : "sub");
  });
  into.append(video);
  live.start(stream);
  return {
    stream,
    us: () => live.currentWallUs(),
    setSound: (on) => {
      video.muted = !on;
      // Refused while the page has not been touched: the picture goes on without sound.
      void video.play().catch(() => (video.muted = true));
    },
    close: () => {
      if (!isTaken(live.state)) keepLast();
      live.stop();
      keys.terminate();
      video.remove();
    },
  };
}
