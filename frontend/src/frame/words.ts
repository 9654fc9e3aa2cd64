/** What the frame says. */
export const WORDS = {
  noConnection: (since: string): string =>
    `No connection since ${since}. What you see may be old; it goes on by itself when the connection is back.`,
  notSent: "No connection, so this was not sent. What you typed stays here.",
  newVersion: "A new version is ready.",
  loadIt: "Load it",
  undo: "Undo",
  close: "Close",
  copied: "Copied",
  selected: "Selected: press Ctrl+C",
  portalSilent: "This device is connected, but the portal does not answer.",
  deviceOffline: "This device has no connection.",
  since: (time: string, ago: string): string => `Since ${time} · ${ago}.`,
  trying: "Trying now.",
  triesIn: (seconds: number): string => `Tries again in ${seconds} s.`,
} as const;
