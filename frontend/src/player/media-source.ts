/** Media Source of whatever kind the browser has, and what it can play. */
import { t } from "../i18n/t";
type MediaSourceClass = typeof MediaSource;

/** ManagedMediaSource where there is nothing else (iPhone). */
export function mediaSourceClass(): MediaSourceClass | null {
  const scope = globalThis as { MediaSource?: MediaSourceClass; ManagedMediaSource?: MediaSourceClass };
  return scope.MediaSource ?? scope.ManagedMediaSource ?? null;
}

export function canPlay(mime: string): boolean {
  return mediaSourceClass()?.isTypeSupported(mime) ?? false;
}

/** A media source attached to `video` and open. Raises DOMException when `signal` fires first. */
export async function attachMediaSource(video: HTMLVideoElement, signal: AbortSignal): Promise<MediaSource> {
  const Class = mediaSourceClass();
  if (!Class) throw new Error(t("This browser has no Media Source: it cannot play sealed footage."));
  const source = new Class();
  // ManagedMediaSource opens only where remote playback is off.
  video.disableRemotePlayback = true;
  const url = URL.createObjectURL(source);
  await new Promise<void>((resolve, reject) => {
    source.addEventListener("sourceopen", () => resolve(), { once: true });
    signal.addEventListener("abort", () => reject(new DOMException("no longer wanted", "AbortError")), { once: true });
    video.src = url;
  });
  URL.revokeObjectURL(url);
  return source;
}

/** People's name of a codec string. */
export function codecName(codec: string): string {
  if (/^(hvc1|hev1)/.test(codec)) return "H.265 (HEVC)";
  if (/^(avc1|avc3)/.test(codec)) return "H.264 (AVC)";
  if (/^mp4a/.test(codec)) return "AAC";
  if (codec === "opus") return "Opus";
  return codec;
}
