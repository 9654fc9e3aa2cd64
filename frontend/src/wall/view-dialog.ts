/** The form of a saved view: name, layout, cameras in their order, carousel, sharing. What was typed stays until it is kept. */
import type { LayoutName, ViewFields } from "../api/types";
import { h } from "../dom";
import { LAYOUTS, matches } from "./layout";
import type { WallTile } from "./tile";
import { LAYOUT_WORDS, WORDS } from "./words";

export interface ViewDraft {
  readonly title: string;
  readonly fields: ViewFields;
}

export class ViewDialog {
  private readonly dialog = h("dialog", { class: "wall-dialog", "aria-labelledby": "wall-dialog-title" });
  private cameras: string[] = [];

  constructor(
    room: HTMLElement,
    private readonly tiles: readonly WallTile[],
  ) {
    room.append(this.dialog);
  }

  /** Asks for a view; `keep` stores it, and what it raises is shown in the form. */
  open(draft: ViewDraft, keep: (fields: ViewFields) => Promise<void>): void {
    this.cameras = [...draft.fields.cameras];
    const name = h("input", { type: "text", maxlength: "80", required: true, dir: "auto", autocomplete: "off" });
    name.value = draft.fields.name;
    const layout = h("select", {}, ...LAYOUTS.map((item) => h("option", { value: item }, LAYOUT_WORDS[item])));
    layout.value = draft.fields.layout;
    const seconds = h("input", { type: "number", min: "5", max: "3600", step: "1", inputmode: "numeric" });
    seconds.value = draft.fields.carousel_s === null ? "" : String(draft.fields.carousel_s);
    const shared = h("input", { type: "checkbox" });
    shared.checked = draft.fields.shared;
    const error = h("p", { class: "error", role: "alert" });
    const submit = h("button", { type: "submit", class: "button primary" }, WORDS.save);
    const cancel = h("button", { type: "button", class: "button quiet" }, WORDS.cancel);
    const form = h(
      "form",
      { method: "dialog", class: "form" },
      h("h2", { id: "wall-dialog-title" }, draft.title),
      field(WORDS.nameOfView, name),
      field(WORDS.layout, layout),
      field(WORDS.everySeconds, seconds),
      this.cameraList(),
      h("label", { class: "check" }, shared, h("span", {}, WORDS.shareView)),
      error,
      h("div", { class: "actions" }, cancel, submit),
    );
    cancel.addEventListener("click", () => this.dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // Enter in quick succession would keep the view twice.
      if (submit.disabled) return;
      submit.disabled = true;
      error.textContent = "";
      try {
        await keep({
          name: name.value.trim(),
          layout: layout.value as LayoutName,
          cameras: this.cameras,
          carousel_s: seconds.value === "" ? null : Number(seconds.value),
          shared: shared.checked,
        });
        this.dialog.close();
      } catch (problem) {
        error.textContent = problem instanceof Error ? problem.message : String(problem);
      } finally {
        submit.disabled = false;
      }
    });
    this.dialog.replaceChildren(form);
    this.dialog.showModal();
    name.focus();
  }

  private cameraList(): HTMLElement {
    const rows = this.tiles.map((tile) => {
      const box = h("input", { type: "checkbox", value: tile.id });
      box.checked = this.cameras.includes(tile.id);
      const place = h("span", { class: "place-number num", "aria-hidden": "true" });
      const row = h(
        "label",
        { class: "check" },
        box,
        h("span", { class: "camera-name" }, h("bdi", {}, tile.name), h("span", { class: "muted small" }, ` ${tile.site}`)),
        place,
      );
      return { tile, box, place, row };
    });
    const number = (): void => {
      for (const { tile, place } of rows) {
        const at = this.cameras.indexOf(tile.id);
        place.textContent = at < 0 ? "" : String(at + 1);
      }
    };
    number();
    const list = h("div", { class: "camera-list", role: "group", "aria-label": WORDS.chooseCameras }, ...rows.map(({ row }) => row));
    list.addEventListener("change", (event) => {
      const { value, checked } = event.target as HTMLInputElement;
      this.cameras = checked ? [...this.cameras, value] : this.cameras.filter((id) => id !== value);
      number();
    });
    const find = h("input", { type: "search", "aria-label": WORDS.filter, placeholder: WORDS.filter });
    find.addEventListener("input", () => {
      for (const { tile, row } of rows) row.hidden = !matches(find.value, tile.name, tile.site);
    });
    // Enter in the search would keep the view.
    find.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    return h("div", { class: "field" }, h("span", { class: "label" }, WORDS.chooseCameras), find, list);
  }
}

function field(label: string, input: HTMLElement): HTMLElement {
  return h("div", { class: "field" }, h("label", {}, h("span", {}, label), input));
}
