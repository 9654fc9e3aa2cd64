/** Rearranging the wall: drag a tile onto another and they change places; by keyboard with the tile's Move button and arrows. */
import { neighbour, type Direction } from "./layout";
import type { WallTile } from "./tile";
import { WORDS } from "./words";

export interface Arranging {
  readonly list: HTMLElement;
  /** Tiles that are shown, in their order. */
  tiles(): readonly WallTile[];
  order(): readonly string[];
  setOrder(order: readonly string[]): void;
  swap(a: WallTile, b: WallTile): void;
  /** Two tiles changed places by a drag, which may have been a slip; `before`: the order that was. */
  dragged(a: WallTile, b: WallTile, before: readonly string[]): void;
  say(text: string): void;
}

/** A pointer that moved less did not drag. */
const DRAG_PX = 8;
/** A finger must rest this long before it picks a tile up: until then it scrolls. */
const PRESS_MS = 400;
const EDGE_PX = 60;
const SCROLL_PX = 14;

const ARROWS: Record<string, Direction> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

interface Press {
  readonly tile: WallTile;
  readonly pointer: number;
  readonly x: number;
  readonly y: number;
  readonly timer: number;
  dragging: boolean;
  target: WallTile | null;
}

export class Arrange {
  private press: Press | null = null;
  private held: { tile: WallTile; before: readonly string[] } | null = null;

  constructor(private readonly wall: Arranging) {
    const { list } = wall;
    list.addEventListener("pointerdown", (event) => this.down(event));
    list.addEventListener("pointermove", (event) => this.move(event));
    list.addEventListener("pointerup", (event) => this.up(event));
    list.addEventListener("pointercancel", () => this.end(false));
    list.addEventListener("dragstart", (event) => event.preventDefault());
    list.addEventListener("contextmenu", (event) => this.press?.dragging && event.preventDefault());
    // Once a tile is picked up the finger moves it, not the page.
    list.addEventListener("touchmove", (event) => this.press?.dragging && event.preventDefault(), { passive: false });
    list.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("focusout", (event) => this.left(event));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.press?.dragging && this.end(false));
  }

  /** Whether a tile is picked up right now. */
  get busy(): boolean {
    return this.held !== null || this.press?.dragging === true;
  }

  /** Picks a tile up for the arrow keys, or drops the one that is. */
  toggle(tile: WallTile): void {
    if (this.held) return this.drop();
    this.held = { tile, before: this.wall.order() };
    tile.element.dataset["held"] = "";
    const tiles = this.wall.tiles();
    this.wall.say(WORDS.pickedUp(tile.name, tiles.indexOf(tile) + 1, tiles.length));
  }

  private drop(): void {
    const { held } = this;
    if (!held) return;
    this.held = null;
    delete held.tile.element.dataset["held"];
    const tiles = this.wall.tiles();
    this.wall.say(WORDS.dropped(held.tile.name, tiles.indexOf(held.tile) + 1, tiles.length));
  }

  private key(event: KeyboardEvent): void {
    const { held } = this;
    if (!held) return;
    const direction = ARROWS[event.key];
    if (event.key === "Escape") {
      this.held = null;
      delete held.tile.element.dataset["held"];
      this.wall.setOrder(held.before);
      this.focus(held.tile);
      this.wall.say(WORDS.notMoved(held.tile.name));
    } else if (direction) {
      this.step(held.tile, direction);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private step(tile: WallTile, direction: Direction): void {
    const tiles = this.wall.tiles();
    const next = neighbour(
      tiles.map((item) => item.element.getBoundingClientRect()),
      tiles.indexOf(tile),
      direction,
    );
    const other = next === null ? undefined : tiles[next];
    if (!other) return;
    const { held } = this;
    this.wall.swap(tile, other);
    // Moving the element in the document takes its focus away for a moment, which is no drop.
    this.held = held;
    tile.element.dataset["held"] = "";
    this.focus(tile);
    tile.element.scrollIntoView({ block: "nearest" });
    const now = this.wall.tiles();
    this.wall.say(WORDS.moved(tile.name, now.indexOf(tile) + 1, now.length));
  }

  private focus(tile: WallTile): void {
    tile.element.querySelector<HTMLElement>("[data-move]")?.focus();
  }

  private left(event: FocusEvent): void {
    const { held } = this;
    if (!held || !(event.target as Element).matches("[data-move]")) return;
    // Not yet known where the focus goes: a swap brings it back at once.
    queueMicrotask(() => {
      if (this.held === held && !held.tile.element.contains(document.activeElement)) this.drop();
    });
  }

  private down(event: PointerEvent): void {
    const tile = this.tileOf(event.target as Element);
    const handle = (event.target as Element).closest("[data-move]") !== null;
    if (!tile || event.button !== 0 || !event.isPrimary || this.wall.tiles().length < 2) return;
    if (!handle && (event.target as Element).closest("button, .tile-tools a")) return;
    const finger = event.pointerType === "touch" && !handle;
    const timer = finger ? window.setTimeout(() => this.begin(), PRESS_MS) : 0;
    this.press = { tile, pointer: event.pointerId, x: event.clientX, y: event.clientY, timer, dragging: false, target: null };
  }

  private move(event: PointerEvent): void {
    const { press } = this;
    if (!press || press.pointer !== event.pointerId) return;
    const [dx, dy] = [event.clientX - press.x, event.clientY - press.y];
    if (!press.dragging) {
      if (Math.hypot(dx, dy) < DRAG_PX) return;
      // A finger that moves before its time scrolls.
      if (press.timer) return this.end(false);
      this.begin();
    }
    press.tile.element.style.transform = `translate(${dx}px, ${dy}px) scale(0.96)`;
    this.scroll(event.clientY);
    this.aim(this.tileAt(event.clientX, event.clientY));
  }

  private begin(): void {
    const { press } = this;
    if (!press) return;
    press.dragging = true;
    this.wall.list.setPointerCapture(press.pointer);
    press.tile.element.dataset["dragged"] = "";
  }

  private scroll(y: number): void {
    if (y < EDGE_PX) scrollBy(0, -SCROLL_PX);
    else if (y > innerHeight - EDGE_PX) scrollBy(0, SCROLL_PX);
  }

  private aim(target: WallTile | null): void {
    const { press } = this;
    if (!press || press.target === target) return;
    delete press.target?.element.dataset["target"];
    press.target = target;
    if (target) target.element.dataset["target"] = "";
  }

  private up(event: PointerEvent): void {
    if (this.press?.pointer === event.pointerId) this.end(true);
  }

  private end(swap: boolean): void {
    const { press } = this;
    if (!press) return;
    this.press = null;
    clearTimeout(press.timer);
    if (!press.dragging) return;
    const { element } = press.tile;
    element.style.transform = "";
    delete element.dataset["dragged"];
    delete press.target?.element.dataset["target"];
    // The click that ends a drag opens nothing.
    const swallow = (event: Event): void => {
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }), 50);
    if (!swap || !press.target) return;
    const before = this.wall.order();
    this.wall.swap(press.tile, press.target);
    this.wall.dragged(press.tile, press.target, before);
    const tiles = this.wall.tiles();
    this.wall.say(WORDS.dropped(press.tile.name, tiles.indexOf(press.tile) + 1, tiles.length));
  }

  private tileAt(x: number, y: number): WallTile | null {
    const dragged = this.press?.tile;
    for (const element of document.elementsFromPoint(x, y)) {
      const tile = this.tileOf(element);
      if (tile && tile !== dragged) return tile;
    }
    return null;
  }

  private tileOf(target: Element): WallTile | null {
    const element = target.closest("[data-camera]");
    return this.wall.tiles().find((tile) => tile.element === element) ?? null;
  }
}
