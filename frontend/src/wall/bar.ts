/** The bar above the wall: what is shown and how, or, with a tile enlarged, which and what to do with it. */
import type { LayoutName } from "../api/types";
import { h } from "../dom";
import { icon, setIcon, type IconName } from "./icons";
import { LAYOUTS } from "./layout";
import type { WallTile } from "./tile";
import { LAYOUT_WORDS, WORDS } from "./words";

export interface BarHost {
  setText(text: string): void;
  setLayout(layout: LayoutName): void;
  turn(by: number): void;
  toggleCarousel(): void;
  toggleFullScreen(): void;
  goBack(): void;
  step(by: number): void;
  toggleSound(tile: WallTile): void;
}

export interface BarState {
  readonly layout: LayoutName;
  readonly text: string;
  readonly page: number;
  readonly pages: number;
  readonly cameras: number;
  readonly carousel: boolean;
  /** Whether pages can turn by themselves at all. */
  readonly mayTurn: boolean;
  readonly enlarged: WallTile | null;
  /** Where the cameras shown are played together; null: too many, or too few. */
  readonly together: string | null;
}

export class Bar {
  private readonly find = h("input", { type: "search", "aria-label": WORDS.filter, placeholder: WORDS.filter });
  private readonly select: HTMLSelectElement;
  private readonly layouts = new Map<LayoutName, HTMLButtonElement>();
  private readonly count = h("span", { class: "muted small num" });
  private readonly pager: HTMLElement;
  private readonly page = h("span", { class: "num small" });
  private readonly turning: HTMLButtonElement;
  private readonly full: HTMLButtonElement;
  private readonly wall: HTMLElement;
  private readonly one: HTMLElement;
  private readonly name = h("h2", { dir: "auto" });
  private readonly site = h("span", { class: "muted small", dir: "auto" });
  private readonly sound: HTMLButtonElement;
  private readonly open = h("a", { class: "wall-button wide" }, icon("recordings"), h("span", { class: "label" }, WORDS.openPlain));
  private readonly together = h("a", { class: "wall-button" }, icon("recordings"));
  private tile: WallTile | null = null;

  constructor(bar: HTMLElement, host: BarHost, views: readonly HTMLElement[]) {
    this.find.addEventListener("input", () => host.setText(this.find.value));
    this.select = h("select", { "aria-label": WORDS.layout, class: "layout-select" });
    this.select.append(...LAYOUTS.map((name) => h("option", { value: name }, LAYOUT_WORDS[name])));
    this.select.addEventListener("change", () => host.setLayout(this.select.value as LayoutName));
    const group = h("div", { class: "wall-layouts", role: "group", "aria-label": WORDS.layout });
    for (const name of LAYOUTS) {
      const made = button(name, LAYOUT_WORDS[name], () => host.setLayout(name));
      this.layouts.set(name, made);
      group.append(made);
    }
    this.turning = button("play", WORDS.carouselOn, () => host.toggleCarousel());
    this.full = button("full", WORDS.fullScreen, () => host.toggleFullScreen());
    this.pager = h(
      "div",
      { class: "wall-pager", role: "group" },
      button("left", WORDS.previousPage, () => host.turn(-1)),
      this.page,
      button("right", WORDS.nextPage, () => host.turn(1)),
    );
    this.wall = h("div", { class: "wall-tools" }, this.find, this.count, this.pager, this.turning, this.together, group, this.select, ...views);
    label(this.together, WORDS.together);
    this.sound = button("muted", "", () => this.tile && host.toggleSound(this.tile));
    this.one = h(
      "div",
      { class: "wall-tools one" },
      button("back", WORDS.back, () => host.goBack(), true),
      h("div", { class: "names" }, this.name, this.site),
      button("left", WORDS.previousCamera, () => host.step(-1)),
      button("right", WORDS.nextCamera, () => host.step(1)),
      this.sound,
      this.open,
    );
    bar.append(this.wall, this.one, this.full);
    document.addEventListener("fullscreenchange", () => {
      const on = document.fullscreenElement !== null;
      setIcon(this.full, on ? "small" : "full");
      label(this.full, on ? WORDS.endFullScreen : WORDS.fullScreen);
    });
    this.full.hidden = !document.fullscreenEnabled;
    this.open.setAttribute("aria-label", WORDS.openPlain);
  }

  focusSearch(): void {
    this.find.focus();
  }

  focusBack(): void {
    this.one.querySelector("button")?.focus();
  }

  show(state: BarState): void {
    const { enlarged } = state;
    this.tile = enlarged;
    this.wall.hidden = enlarged !== null;
    this.one.hidden = enlarged === null;
    if (enlarged) this.showOne(enlarged);
    if (this.find.value !== state.text) this.find.value = state.text;
    this.select.value = state.layout;
    for (const [name, made] of this.layouts) made.setAttribute("aria-pressed", String(name === state.layout));
    this.count.textContent = WORDS.cameras(state.cameras);
    this.pager.hidden = state.pages < 2;
    this.page.textContent = WORDS.page(state.page + 1, state.pages);
    this.turning.hidden = !state.mayTurn;
    this.together.hidden = state.together === null;
    this.together.href = state.together ?? "";
    setIcon(this.turning, state.carousel ? "pause" : "play");
    label(this.turning, state.carousel ? WORDS.carouselOff : WORDS.carouselOn);
  }

  private showOne(tile: WallTile): void {
    this.name.textContent = tile.name;
    this.site.textContent = tile.site;
    this.open.href = tile.link.href;
    this.sound.hidden = !tile.maySound;
    setIcon(this.sound, tile.hears ? "sound" : "muted");
    label(this.sound, tile.hears ? WORDS.mute(tile.name) : WORDS.unmute(tile.name));
  }
}

function label(made: HTMLElement, words: string): void {
  made.setAttribute("aria-label", words);
  made.title = words;
}

export function button(name: IconName, words: string, press: () => void, withText = false): HTMLButtonElement {
  const made = h("button", { type: "button", class: "wall-button" }, icon(name), withText ? h("span", { class: "label" }, words) : null);
  label(made, words);
  made.addEventListener("click", press);
  return made;
}
