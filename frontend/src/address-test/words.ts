/** What the test of a camera's address says; its reasons come from the portal in whole sentences. */
import type { AddressTest } from "../api/types";

export const WORDS = {
  trying: "The agent is trying the address",
  works: "This address works",
  cancelled: "The test was cancelled",
  kept: "What you typed is still here.",
  failed: "The test could not be made. Check this device's connection, then try again.",
  picture: "Picture of the camera, taken just now",
  notDrawn: "The agent received a picture. This browser cannot draw its codec.",
  notOpened: "The agent received a picture, but it did not open here. Try again.",
  tooLarge: "The agent received a picture. It is too large to be shown here.",
} as const;

export function secondsWords(ms: number): string {
  return `${Math.round(ms / 1000)} s of at most 45 s`;
}

/** "H.264, 1920 × 1080, 25 pictures a second, with sound (AAC)". */
export function factsWords(facts: NonNullable<AddressTest["facts"]>): string {
  const video = facts.codec.startsWith("avc") ? "H.264" : "H.265";
  const size = `${facts.width} × ${facts.height}`;
  const rate = facts.frames_per_s === null ? "" : `${Math.round(facts.frames_per_s * 10) / 10} pictures a second`;
  const sound = facts.audio === null ? "no sound" : `sound (${soundName(facts.audio)})`;
  return [video, size, rate, sound].filter(Boolean).join(", ");
}

function soundName(codec: string): string {
  return codec.startsWith("mp4a") ? "AAC" : "G.711";
}
