/** A still of what is shown, in the picture's own size, with camera and time inside the file. */
import { fileName, save } from "../files";
import { t } from "../i18n/t";
import { withTexts } from "../media/png";
import type { TrustState } from "./player";
import { clockTime, day, local, zoneName } from "../times";

export interface SnapshotFacts {
  readonly camera: string;
  readonly cameraId: string;
  readonly zone: string;
  readonly live: boolean;
  readonly trust: TrustState;
  /** Wall clock at a Media Source time, UTC µs; null without a picture. */
  wallUs(mediaTime: number): number | null;
}

/** What was known of the picture when it was taken. */
const TRUST: Record<TrustState, string> = {
  verified: t("Verified when it was saved: signed by the agent, vouched for by the organisation's root key."),
  opened: t("Opened when it was saved; the signer was not vouched for."),
  altered: t("Saved where altered footage begins: the last picture before it."),
  alarm: t("Saved while the root key was in doubt."),
  none: t("Saved before the player had said what is known of it."),
};

interface Taken {
  readonly canvas: HTMLCanvasElement;
  readonly mediaTime: number;
}

/** Saves the picture as a file; gives the file's name, null where there is no picture yet. */
export async function takeSnapshot(video: HTMLVideoElement, facts: SnapshotFacts): Promise<string | null> {
  if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
  const { canvas, mediaTime } = await nextPicture(video);
  const us = facts.wallUs(mediaTime);
  if (us === null) return null;
  const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!png) throw new Error(t("This browser could not make a file of the picture."));
  const name = fileName(facts.camera, us, facts.zone, "png");
  const bytes = withTexts(new Uint8Array(await png.arrayBuffer()), textsOf(us, facts));
  save(new Blob([bytes], { type: "image/png" }), name);
  return name;
}

/** The picture together with its own time: of a moving one, the next that is shown. */
function nextPicture(video: HTMLVideoElement): Promise<Taken> {
  if (video.paused || typeof video.requestVideoFrameCallback !== "function") {
    return Promise.resolve({ canvas: drawn(video), mediaTime: video.currentTime });
  }
  return new Promise((resolve) => {
    const late = window.setTimeout(() => {
      video.cancelVideoFrameCallback(asked);
      resolve({ canvas: drawn(video), mediaTime: video.currentTime });
    }, 1000);
    const asked = video.requestVideoFrameCallback((_, { mediaTime }) => {
      clearTimeout(late);
      resolve({ canvas: drawn(video), mediaTime });
    });
  });
}

function drawn(video: HTMLVideoElement): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return canvas;
}

function textsOf(us: number, facts: SnapshotFacts): [string, string][] {
  const { zone, camera, cameraId } = facts;
  const ms = String(Math.floor((us % 1e6) / 1e3)).padStart(3, "0");
  const here = `${day(us, zone)} ${local(us, zone).year} ${clockTime(us, zone)}.${ms} ${zoneName(us, zone)} (${zone})`;
  return [
    ["Title", camera],
    ["Creation Time", new Date(us / 1000).toISOString()],
    ["Local Time", here],
    ["Source", facts.live ? t("camera {id}, live view", { id: cameraId }) : t("camera {id}, recording", { id: cameraId })],
    ["Comment", `${TRUST[facts.trust]} ${t("An image file proves nothing by itself.")}`],
  ];
}
