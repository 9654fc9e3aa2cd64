/** Choosing a clip: the panel under the picture and the handles on the timeline, kept in step. Loaded with the first clip. */
import type { View } from "../timeline/layout";
import type { Timeline } from "../timeline/timeline";
import { ClipPanel, type ClipPanelOptions } from "./panel";
import { RangeHandles } from "./range";
import type { Span } from "./stretches";

export type { Span };

export interface ClipToolOptions extends Omit<ClipPanelOptions, "onspan" | "onclose"> {
  readonly timeline: Timeline;
  onclosed(): void;
}

export class ClipTool {
  readonly panel: ClipPanel;
  private readonly handles: RangeHandles;

  constructor(private readonly options: ClipToolOptions) {
    const { timeline, zone, span, api } = options;
    timeline.showRange(span.fromUs, span.toUs);
    this.panel = new ClipPanel({
      ...options,
      onspan: (chosen) => this.handles.set(chosen),
      onclose: () => this.close(),
    });
    this.handles = new RangeHandles(timeline.shown, span, {
      zone,
      nowUs: () => api.clock.nowUs(),
      onchange: (chosen) => this.panel.set(chosen),
    });
    timeline.overlay(this.handles.element);
  }

  shown(view: View): void {
    this.handles.setView(view);
  }

  /** Ends what is running and takes panel and handles away. */
  close(): void {
    this.panel.stop();
    this.panel.element.remove();
    this.handles.element.remove();
    this.options.onclosed();
  }
}
