/** What the test of a camera's address says; its reasons come from the portal in whole sentences. */
import type { AddressTest } from "../api/types";
import { decimal, t } from "../i18n/t";

export const WORDS = {
  trying: t("The agent is trying the address"),
  works: t("This address works"),
  cancelled: t("The test was cancelled"),
  kept: t("What you typed is still here."),
  failed: t("The test could not be made. Check this device's connection, then try again."),
  picture: t("Picture of the camera, taken just now"),
  notDrawn: t("The agent received a picture. This browser cannot draw its codec."),
  notOpened: t("The agent received a picture, but it did not open here. Try again."),
  tooLarge: t("The agent received a picture. It is too large to be shown here."),
} as const;

export function secondsWords(ms: number): string {
  return t("{seconds} s of at most 45 s", { seconds: Math.round(ms / 1000) });
}

/** "H.264, 1920 × 1080, 25 pictures a second, with sound (AAC)". */
export function factsWords(facts: NonNullable<AddressTest["facts"]>): string {
  const video = facts.codec.startsWith("avc") ? "H.264" : "H.265";
  const size = `${facts.width} × ${facts.height}`;
  const rate = facts.frames_per_s === null ? "" : t("{rate} pictures a second", { rate: decimal(Math.round(facts.frames_per_s * 10) / 10) });
  const sound = facts.audio === null ? t("no sound") : t("sound ({codec})", { codec: soundName(facts.audio) });
  return [video, size, rate, sound].filter(Boolean).join(", ");
}

function soundName(codec: string): string {
  if (codec === "opus") return "Opus";
  return codec.startsWith("mp4a") ? "AAC" : "G.711";
}
