/** A page to measure the timeline's drawing by tracing (tests/frontend/measure_timeline.py): many lanes of a day, moved by a hand. */
import "../src/styles/tokens.css";
import "../src/styles/player.css";
import type { TimelineRun } from "../src/api/types";
import { Timeline } from "../src/timeline/timeline";

const DAY_US = 86_400_000_000;
const END_US = Date.UTC(2026, 10, 24) * 1000;

/** A day of `gaps` gaps, and as many recorded stretches between them. */
function dayOf(gaps: number, shift: number): TimelineRun[] {
  const each = DAY_US / gaps;
  return Array.from({ length: gaps }, (_, i): TimelineRun[] => {
    const from = END_US - DAY_US + i * each + shift;
    return [
      [from, from + each * 0.9, "recorded", null],
      [from + each * 0.9, from + each, "gap", 1 + (i % 13)],
    ];
  }).flat();
}

let shown: (gaps: number) => void;
let gapsShown = 0;

/** Puts a timeline of `rows` lanes on the page, each a day of `gaps` gaps. */
function build(rows: number, gaps: number): void {
  const cameras = Array.from({ length: rows }, (_, i) => ({ camera: `camera-${i}`, name: `Camera ${i + 1}` }));
  const made = new Timeline({ zone: "Europe/Berlin", rows: cameras, nowUs: () => END_US, onseek: () => undefined, onview: () => undefined });
  document.body.replaceChildren(made.element);
  shown = (count) => {
    for (const [i, { camera }] of cameras.entries()) made.setRuns(camera, count ? dayOf(count, i * 1e6) : [], []);
  };
  shown((gapsShown = gaps));
  made.showRange(END_US - DAY_US * (2 / 3), END_US - DAY_US / 3);
  made.setHead(END_US - DAY_US / 2);
}

/** Gives all lanes their runs again, so that nothing painted before is used; or runs of other gaps. */
function repaint(gaps = gapsShown): void {
  shown(gaps);
}

/** Drags the timeline to and fro for so many frames. */
async function pan(frames: number): Promise<void> {
  const canvas = document.querySelector("canvas.timeline-canvas") as HTMLCanvasElement;
  const { left, top, width } = canvas.getBoundingClientRect();
  // Pointers made by a script cannot be captured.
  canvas.setPointerCapture = () => undefined;
  const fire = (type: string, x: number): void => {
    const at = { clientX: left + x, clientY: top + 40, pointerId: 1, pointerType: "mouse", button: 0 };
    canvas.dispatchEvent(new PointerEvent(type, { bubbles: true, ...at }));
  };
  fire("pointerdown", width / 2);
  for (let i = 0; i < frames; i++) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    fire("pointermove", width / 2 + Math.sin(i / 12) * 120);
  }
  fire("pointercancel", width / 2);
}

Object.assign(window, { build, pan, repaint });
