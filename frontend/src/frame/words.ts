/** What the frame says. */
import { t } from "../i18n/t";
export const WORDS = {
  noConnection: (since: string): string =>
    t("No connection since {since}. What you see may be old; it goes on by itself when the connection is back.", { since }),
  notSent: t("No connection, so this was not sent. What you typed stays here."),
  newVersion: t("A new version is ready."),
  loadIt: t("Load it"),
  undo: t("Undo"),
  close: t("Close"),
  copied: t("Copied"),
  selected: t("Selected: press Ctrl+C"),
  portalSilent: t("This device is connected, but the portal does not answer."),
  deviceOffline: t("This device has no connection."),
  since: (time: string, ago: string): string => t("Since {time} · {ago}.", { time, ago }),
  trying: t("Trying now."),
  triesIn: (seconds: number): string => t("Tries again in {seconds} s.", { seconds }),
} as const;
