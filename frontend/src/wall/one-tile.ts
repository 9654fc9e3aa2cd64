/** The live picture of a tile that stands by itself; when it ends, its last picture stays, dimmed. */
import type { Api } from "../api/client";
import { h } from "../dom";
import type { StreamName } from "../sealing/registry";
import { openLive } from "./live-picture";
import { SharedStatements } from "./statements";

/** Opens the picture inside `tile`; returns what closes it. */
export function openTile(api: Api, tile: HTMLElement, stream: StreamName): () => void {
  const picture = tile.querySelector(".picture") ?? tile;
  const why = tile.querySelector<HTMLElement>("[data-why]");
  const words = why?.querySelector("[data-why-text]");
  const live = openLive({
    api,
    statements: new SharedStatements(api),
    camera: tile.dataset["camera"] ?? "",
    stream,
    into: picture,
    tell: (news) => {
      const moving = news.phase === "playing";
      if (moving) picture.querySelector(".tile-last")?.remove();
      if (why) why.hidden = moving;
      if (words && news.why !== null) words.textContent = news.why;
    },
    keep: (video) => {
      const last = h("canvas", { class: "tile-last", "aria-hidden": "true" });
      last.width = video.videoWidth;
      last.height = video.videoHeight;
      last.getContext("2d")?.drawImage(video, 0, 0);
      picture.querySelector(".tile-last")?.remove();
      picture.prepend(last);
    },
  });
  return () => {
    live.close();
    if (why) why.hidden = false;
  };
}
