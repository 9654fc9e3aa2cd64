/** Search by area: the rectangle on the picture, the panel below, and marks on the timeline. Loaded with the first search. */
import type { Timeline } from "../timeline/timeline";
import { xOf, type View } from "../timeline/layout";
import { h } from "../dom";
import type { Hit } from "./hits";
import { AreaPanel } from "./panel";
import { AreaRectangle } from "./rectangle";
import { MapSearch, type SearchOptions } from "./search";

const LEAST_PX = 3;

export interface AreaToolOptions extends SearchOptions {
  readonly video: HTMLVideoElement;
  readonly timeline: Timeline;
  readonly zone: string;
  onseek(us: number): void;
  onclosed(): void;
}

export class AreaTool {
  readonly panel: AreaPanel;
  readonly rectangle: AreaRectangle;
  private readonly marks = h("div", { class: "area-marks", "aria-hidden": "true" });
  private hits: readonly Hit[] = [];

  constructor(private readonly options: AreaToolOptions) {
    const { video, timeline, zone, api, onseek } = options;
    this.rectangle = new AreaRectangle(video, () => this.panel.areaChanged());
    this.panel = new AreaPanel({
      search: new MapSearch(options),
      zone,
      onseek,
      nowUs: () => api.clock.nowUs(),
      area: () => this.rectangle.area,
      shown: () => timeline.shown,
      onhits: (hits) => {
        this.hits = hits;
        this.shown(timeline.shown);
      },
      onclose: () => this.close(),
    });
    this.rectangle.element.addEventListener("keydown", this.panel.escape);
    video.after(this.rectangle.element);
    timeline.overlay(this.marks);
  }

  /** The timeline shows another range. */
  shown(view: View): void {
    const bars: { x: number; end: number }[] = [];
    for (const { fromUs, toUs } of this.hits) {
      if (toUs < view.fromUs || fromUs > view.toUs) continue;
      const x = Math.max(0, xOf(view, fromUs));
      const end = Math.max(x + LEAST_PX, Math.min(view.width, xOf(view, toUs)));
      const last = bars.at(-1);
      if (last && x - last.end < 1) last.end = Math.max(last.end, end);
      else bars.push({ x, end });
    }
    this.marks.replaceChildren(
      ...bars.map(({ x, end }) => {
        const mark = h("div", { class: "area-mark" });
        mark.style.left = `${x}px`;
        mark.style.width = `${end - x}px`;
        return mark;
      }),
    );
  }

  /** Ends what is running and takes rectangle, panel and marks away. */
  close(): void {
    this.panel.stop();
    this.panel.element.remove();
    this.rectangle.remove();
    this.marks.remove();
    this.options.onclosed();
  }
}
