/** While the device has no connection, the page says so, and since when: what it shows may be old. */
import { h, sprite } from "../dom";
import { clockTime, deviceZone, zoneName } from "../times";
import { WORDS } from "./words";

export function connectionBanner(): void {
  const content = document.querySelector(".content");
  if (!content) return;
  let banner: HTMLElement | null = null;
  const lost = (): void => {
    const us = Date.now() * 1000;
    const since = `${clockTime(us, deviceZone())} ${zoneName(us, deviceZone())}`;
    banner ??= h(
      "p",
      { class: "notice warn connection", role: "alert" },
      sprite("cut"),
      WORDS.noConnection(since),
    );
    content.querySelector(".topbar")?.after(banner);
  };
  addEventListener("offline", lost);
  addEventListener("online", () => {
    banner?.remove();
    banner = null;
  });
  if (!navigator.onLine) lost();
}
