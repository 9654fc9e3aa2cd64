/**
 * Painting cells on a camera's newest picture, by pointer, touch and keyboard: a rectangle from where one presses to where one
 * lets go. What is painted stands in the form's hidden fields, which are what is sent.
 */
import "../styles/detection.css";
import { Api } from "../api/client";
import { h } from "../dom";
import { t } from "../i18n/t";
import { Stills } from "../stills/stills";
import { Cells } from "./cells";

const UNDOS_MOST = 50;

interface Layer {
  readonly kind: string;
  readonly field: HTMLInputElement;
  readonly choice: HTMLInputElement;
  readonly name: () => string;
  cells: Cells;
}

type Place = [column: number, row: number];

class Painter {
  private readonly columns: number;
  private readonly rows: number;
  private readonly canvas = h("canvas", { class: "cells-canvas", "aria-hidden": "true" });
  private readonly picture = h("canvas", { class: "cells-picture", "aria-hidden": "true" });
  private readonly board: HTMLElement;
  private readonly said = h("p", { class: "visually-hidden", role: "status" });
  private readonly layers: Layer[];
  private readonly undos: { layer: Layer; text: string }[] = [];
  private readonly undo = h("button", { type: "button", class: "button quiet" }, t("Undo"));
  private cursor: Place = [0, 0];
  private begun: Place | null = null;
  private on = true;

  constructor(private readonly box: HTMLElement) {
    this.columns = Number(box.dataset["columns"]);
    this.rows = Number(box.dataset["rows"]);
    this.board = h(
      "div",
      {
        class: "cells-board",
        tabindex: "0",
        role: "application",
        "aria-label": t("The picture, to be painted on: arrow keys move, the space bar paints, Shift with arrows paints a rectangle"),
      },
      this.picture,
      this.canvas,
    );
    const all = h("button", { type: "button", class: "button quiet" }, t("Mark all"));
    const none = h("button", { type: "button", class: "button quiet" }, t("Clear"));
    all.addEventListener("click", () => this.whole(true));
    none.addEventListener("click", () => this.whole(false));
    this.undo.addEventListener("click", () => this.takeBack());
    box.replaceChildren(this.board, h("div", { class: "cells-tools" }, all, none, this.undo), this.said);
    box.hidden = false;
    this.layers = [...document.querySelectorAll<HTMLElement>("[data-layer]")].map((row) => this.layer(row));
    this.listen();
    this.draw();
    if (box.dataset["camera"]) void this.show(box.dataset["camera"]);
  }

  private layer(row: HTMLElement): Layer {
    const field = row.querySelector<HTMLInputElement>("input[type=hidden]") as HTMLInputElement;
    const choice = row.querySelector<HTMLInputElement>("[data-paint]") as HTMLInputElement;
    const typed = row.querySelector<HTMLInputElement>("input[type=text]");
    choice.addEventListener("change", () => this.draw());
    typed?.addEventListener("focus", () => {
      choice.checked = true;
      this.draw();
    });
    return {
      kind: choice.value,
      field,
      choice,
      name: () => (typed ? typed.value || t("this zone") : t("left out")),
      cells: Cells.read(this.columns, this.rows, field.value),
    };
  }

  private get chosen(): Layer {
    return this.layers.find(({ choice }) => choice.checked) ?? (this.layers[0] as Layer);
  }

  private listen(): void {
    const { board } = this;
    board.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      board.setPointerCapture(event.pointerId);
      board.focus({ preventScroll: true });
      this.cursor = this.begun = this.placeOf(event);
      this.on = !this.chosen.cells.has(...this.begun);
      this.draw();
    });
    board.addEventListener("pointermove", (event) => {
      if (!this.begun) return;
      this.cursor = this.placeOf(event);
      this.draw();
    });
    board.addEventListener("pointerup", () => this.finish());
    board.addEventListener("pointercancel", () => {
      this.begun = null;
      this.draw();
    });
    board.addEventListener("keydown", (event) => this.key(event));
    board.addEventListener("keyup", (event) => event.key === "Shift" && this.finish());
    board.addEventListener("focus", () => this.draw());
    board.addEventListener("blur", () => {
      // The key that would finish a rectangle is let go of somewhere else.
      this.begun = null;
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(board);
  }

  private key(event: KeyboardEvent): void {
    const steps: Record<string, Place> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (step) {
      if (event.shiftKey && !this.begun) {
        this.begun = this.cursor;
        this.on = !this.chosen.cells.has(...this.begun);
      }
      this.cursor = [
        Math.min(this.columns - 1, Math.max(0, this.cursor[0] + step[0])),
        Math.min(this.rows - 1, Math.max(0, this.cursor[1] + step[1])),
      ];
    } else if (event.key === " ") {
      this.begun = this.cursor;
      this.on = !this.chosen.cells.has(...this.cursor);
      this.finish();
    } else if (event.key === "Escape" && this.begun) {
      this.begun = null;
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      this.takeBack();
    } else {
      return;
    }
    event.preventDefault();
    this.draw();
    this.say();
  }

  private placeOf(event: PointerEvent): Place {
    const { left, top, width, height } = this.board.getBoundingClientRect();
    const column = Math.floor(((event.clientX - left) / width) * this.columns);
    const row = Math.floor(((event.clientY - top) / height) * this.rows);
    return [Math.min(this.columns - 1, Math.max(0, column)), Math.min(this.rows - 1, Math.max(0, row))];
  }

  private finish(): void {
    const { begun } = this;
    this.begun = null;
    if (begun) this.change((cells) => cells.set(begun, this.cursor, this.on));
    this.say();
  }

  private whole(on: boolean): void {
    this.change((cells) => cells.set([0, 0], [this.columns - 1, this.rows - 1], on));
  }

  private change(how: (cells: Cells) => void): void {
    const layer = this.chosen;
    this.undos.push({ layer, text: layer.field.value });
    if (this.undos.length > UNDOS_MOST) this.undos.shift();
    how(layer.cells);
    layer.field.value = layer.cells.text();
    this.draw();
  }

  private takeBack(): void {
    const last = this.undos.pop();
    if (!last) return;
    last.layer.field.value = last.text;
    last.layer.cells = Cells.read(this.columns, this.rows, last.text);
    last.layer.choice.checked = true;
    this.draw();
  }

  private say(): void {
    const [column, row] = this.cursor;
    const layer = this.chosen;
    const at = t("Column {column}, row {row}", { column: column + 1, row: row + 1 });
    this.said.textContent = layer.cells.has(column, row) ? `${at}: ${layer.name()}` : at;
  }

  private draw(): void {
    this.undo.disabled = this.undos.length === 0;
    const { clientWidth, clientHeight } = this.board;
    const ratio = devicePixelRatio || 1;
    const { canvas } = this;
    canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    const context = canvas.getContext("2d");
    if (!context) return;
    const style = getComputedStyle(this.box);
    const [wide, high] = [canvas.width / this.columns, canvas.height / this.rows];
    for (const layer of [...this.layers.filter((one) => one !== this.chosen), this.chosen]) {
      context.globalAlpha = layer === this.chosen ? 0.55 : 0.25;
      context.fillStyle = style.getPropertyValue(`--cells-${layer.kind}`) || "#fff";
      const shown = layer === this.chosen && this.begun ? this.preview(layer.cells, this.begun) : layer.cells;
      for (let row = 0; row < this.rows; row++) {
        for (let column = 0; column < this.columns; column++) {
          if (shown.has(column, row)) context.fillRect(column * wide, row * high, wide + 0.5, high + 0.5);
        }
      }
    }
    context.globalAlpha = 0.25;
    context.fillStyle = "#fff";
    for (let column = 1; column < this.columns; column++) context.fillRect(column * wide, 0, 1, canvas.height);
    for (let row = 1; row < this.rows; row++) context.fillRect(0, row * high, canvas.width, 1);
    if (document.activeElement !== this.board) return;
    context.globalAlpha = 1;
    context.strokeStyle = "#fff";
    context.lineWidth = 2 * ratio;
    context.strokeRect(this.cursor[0] * wide, this.cursor[1] * high, wide, high);
  }

  private preview(cells: Cells, begun: Place): Cells {
    const shown = Cells.read(this.columns, this.rows, cells.text());
    shown.set(begun, this.cursor, this.on);
    return shown;
  }

  /** The newest picture stored, if there is one that can be opened: without it one paints on the dark. */
  private async show(camera: string): Promise<void> {
    try {
      const still = await new Stills(new Api({ tenant: this.box.dataset["tenant"] ?? "" })).newest(camera, { width: 960 });
      if (!still) return;
      this.picture.width = still.bitmap.width;
      this.picture.height = still.bitmap.height;
      this.picture.getContext("2d")?.drawImage(still.bitmap, 0, 0);
      this.board.style.setProperty("aspect-ratio", `${still.bitmap.width} / ${still.bitmap.height}`);
      still.bitmap.close();
    } catch (error) {
      this.box.append(h("p", { class: "hint" }, t("The newest picture cannot be shown: {why}", { why: String(error instanceof Error ? error.message : error) })));
    }
  }
}

export function paintCells(box: HTMLElement): void {
  new Painter(box);
}
