/** Files a person keeps: what they are called, and handing them to the browser. */
import { t } from "./i18n/t";
import { fieldValue } from "./times";

const CAMERA_CHARS_MOST = 80;

/** "Gate 2 2026-11-23 14.03.10.png": the local time of what is inside; nothing in it that a file system refuses. */
export function fileName(camera: string, us: number, zone: string, ending: string): string {
  const safe = camera.replace(/[\u0000-\u001f\u007f/\\:*?"<>|]/g, " ").replace(/\s+/g, " ").trim().replace(/^\.+/, "");
  const name = [...safe].slice(0, CAMERA_CHARS_MOST).join("").trim() || t("Camera");
  return `${name} ${fieldValue(us, zone).replace("T", " ").replaceAll(":", ".")}.${ending}`;
}

const REVOKE_AFTER_MS = 60_000;

/** Hands a file to the browser's downloads. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
}
