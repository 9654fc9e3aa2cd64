/** Saved views: the menu that shows, keeps, changes and removes them. */
import { ApiError, type Api } from "../api/client";
import type { ApiView, ViewFields } from "../api/types";
import { h } from "../dom";
import { icon } from "./icons";
import type { WallTile } from "./tile";
import type { Toast } from "./toast";
import { ViewDialog } from "./view-dialog";
import { WORDS } from "./words";

export interface ViewsHost {
  /** The wall as it is arranged now, for a view of it. */
  current(): Pick<ViewFields, "layout" | "cameras">;
  /** The view that is shown; null: all cameras. */
  shown(): ApiView | null;
  show(view: ApiView | null): void;
  /** The view shown was changed or is gone. */
  refresh(): void;
}

export class Views {
  readonly button: HTMLButtonElement;
  readonly panel = h("div", { class: "wall-menu", hidden: true });
  all: readonly ApiView[] = [];
  private readonly dialog: ViewDialog;
  private readonly label = h("span", { class: "label" }, WORDS.views);

  constructor(
    private readonly api: Api,
    room: HTMLElement,
    tiles: readonly WallTile[],
    private readonly toast: Toast,
    private readonly host: ViewsHost,
  ) {
    this.dialog = new ViewDialog(room, tiles);
    this.button = h("button", { type: "button", class: "wall-button", "aria-expanded": "false" }, icon("views"), this.label);
    this.button.addEventListener("click", () => this.toggle(Boolean(this.panel.hidden)));
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.toggle(false);
      this.button.focus();
    });
    document.addEventListener("pointerdown", (event) => {
      const inside = event.composedPath().some((node) => node === this.panel || node === this.button);
      if (!inside) this.toggle(false);
    });
    this.panel.addEventListener("focusout", (event) => {
      const next = event.relatedTarget as Node | null;
      if (next && !this.panel.contains(next) && next !== this.button) this.toggle(false);
    });
  }

  async load(): Promise<void> {
    this.all = await this.api.views();
    this.draw();
  }

  find(id: string | null): ApiView | null {
    return this.all.find((view) => view.id === id) ?? null;
  }

  /** The view after `view` that turns by itself; null where it is the only one. */
  nextTurning(view: ApiView): ApiView | null {
    const turning = this.all.filter((item) => item.carousel_s !== null);
    const at = turning.findIndex((item) => item.id === view.id);
    const next = turning[(at + 1) % turning.length];
    return at < 0 || !next || next.id === view.id ? null : next;
  }

  /** Brings the menu up to date. `changed`: the wall is not as its view says. */
  draw(changed = false): void {
    const shown = this.host.shown();
    this.label.textContent = shown ? shown.name : WORDS.views;
    const rows = this.all.map((view) => this.row(view, view.id === shown?.id));
    const all = choice(WORDS.viewAll, shown === null, () => this.choose(null));
    const save = h("button", { type: "button", class: "button quiet wide" }, icon("plus"), WORDS.newView);
    save.addEventListener("click", () => this.create());
    const keep = shown && changed && shown.may.change ? this.keepButton(shown) : null;
    const hidden = shown && shown.not_shown > 0 ? h("p", { class: "muted small" }, WORDS.notShown(shown.not_shown)) : null;
    const none = rows.length === 0 ? h("p", { class: "muted small" }, WORDS.viewsNone) : null;
    this.panel.replaceChildren(
      ...[h("ul", {}, h("li", {}, all), ...rows), none, hidden, keep, save].filter((item) => item !== null),
    );
  }

  private row(view: ApiView, shown: boolean): HTMLElement {
    const pick = choice(view.name, shown, () => this.choose(view), view.shared ? WORDS.shared : null);
    if (!view.may.change) return h("li", {}, pick);
    const edit = h("button", { type: "button", class: "wall-button", "aria-label": WORDS.changeNamed(view.name) }, icon("edit"));
    edit.addEventListener("click", () => this.edit(view));
    const remove = h("button", { type: "button", class: "wall-button", "aria-label": WORDS.removeNamed(view.name) }, icon("close"));
    remove.addEventListener("click", () => void this.remove(view));
    return h("li", {}, pick, edit, remove);
  }

  private keepButton(view: ApiView): HTMLElement {
    const keep = h("button", { type: "button", class: "button primary wide" }, WORDS.updateView(view.name));
    keep.addEventListener("click", () => void this.guarded(() => this.change(view, this.host.current())));
    return keep;
  }

  private toggle(open: boolean): void {
    if (open === !this.panel.hidden) return;
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  private choose(view: ApiView | null): void {
    this.toggle(false);
    this.button.focus();
    this.host.show(view);
  }

  private create(): void {
    this.toggle(false);
    const fields: ViewFields = { name: "", carousel_s: null, shared: false, ...this.host.current() };
    this.dialog.open({ title: WORDS.newView, fields }, async (wanted) => {
      const view = await this.api.addView(wanted);
      this.put(view);
      this.host.show(view);
      this.toast.show(WORDS.saved(view.name));
    });
  }

  private edit(view: ApiView): void {
    this.toggle(false);
    this.dialog.open({ title: WORDS.changeView, fields: view }, (wanted) => this.change(view, wanted));
  }

  private async change(view: ApiView, change: Partial<ViewFields>): Promise<void> {
    const changed = await this.api.changeView(view.id, change);
    this.put(changed);
    if (this.host.shown()?.id === view.id) this.host.show(changed);
    this.toast.show(WORDS.saved(changed.name));
  }

  /** Removes at once, and puts it back when asked: what was somebody else's cannot come back as theirs, so that is asked before. */
  private async remove(view: ApiView): Promise<void> {
    if (!view.own && !confirm(WORDS.removeOther(view.name))) return;
    await this.guarded(async () => {
      await this.api.removeView(view.id);
      const shown = this.host.shown()?.id === view.id;
      this.all = this.all.filter((item) => item.id !== view.id);
      if (shown) this.host.show(null);
      else this.host.refresh();
      if (view.own) this.toast.show(WORDS.removed(view.name), { label: WORDS.undo, run: () => void this.restore(view, shown) });
    });
  }

  private async restore({ name, layout, cameras, carousel_s, shared }: ApiView, shown: boolean): Promise<void> {
    await this.guarded(async () => {
      const view = await this.api.addView({ name, layout, cameras, carousel_s, shared });
      this.put(view);
      if (shown) this.host.show(view);
    });
  }

  private put(view: ApiView): void {
    const others = this.all.filter((item) => item.id !== view.id);
    this.all = [...others, view].sort((a, b) => a.name.localeCompare(b.name));
    this.host.refresh();
  }

  /** A refusal is told where one is looking. */
  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.toast.show(error.message);
    }
  }
}

function choice(name: string, chosen: boolean, choose: () => void, note: string | null = null): HTMLElement {
  const words = note ? h("span", { class: "muted small" }, note) : null;
  const button = h(
    "button",
    { type: "button", class: "choice", "aria-pressed": String(chosen) },
    h("bdi", {}, name),
    words,
  );
  button.addEventListener("click", choose);
  return button;
}
