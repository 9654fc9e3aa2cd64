/** The wall of cameras: which are shown, in what order and how large, and how one comes back from looking closer. */
import { ApiError, type Api } from "../api/client";
import type { ApiCamera, ApiView, LayoutName, ViewFields } from "../api/types";
import { h } from "../dom";
import { REFRESH_MS } from "../pages/states";
import { Arrange } from "./arrange";
import { Bar, button } from "./bar";
import { Carousel, CAROUSEL_S } from "./carousel";
import { icon } from "./icons";
import { arranged, divide, matches, pageOf, swapped, tileSize, type Division } from "./layout";
import { Pictures } from "./pictures";
import { Memory, readPlace, writePlace, type Place } from "./place";
import { SharedStatements } from "./statements";
import { WallTile, type OpenLive } from "./tile";
import { Toast } from "./toast";
import { Views } from "./views";
import { WORDS } from "./words";

/** A second click of a double click goes not back at once. */
/** As many as one page plays together (sync/element.ts). */
const TOGETHER_MOST = 4;
const DOUBLE_MS = 500;
const ADDRESS_MS = 300;
const SEARCH_MS = 120;
const TOOLS_AT_ONCE = 64;
/** In full screen the bar goes when nobody moved for so long. */
const AWAKE_MS = 2500;
const NARROW = "(max-width: 720px) and (orientation: portrait)";

export class Wall {
  private readonly list: HTMLElement;
  private readonly tiles: readonly WallTile[];
  private readonly byId: ReadonlyMap<string, WallTile>;
  private readonly memory: Memory;
  private readonly bar: Bar;
  private readonly views: Views;
  private readonly pictures: Pictures;
  private readonly arrange: Arrange;
  private readonly carousel: Carousel;
  private readonly toast: Toast;
  private readonly says: HTMLElement;
  /** Cameras that were taken away, or out of this person's sight, since the page was opened. */
  private gone: ReadonlySet<string> = new Set();
  private readonly equipped = new Set<WallTile>();
  private added = 0;
  private addressTimer = 0;
  private searchTimer = 0;
  private awakeTimer = 0;
  private readonly narrow = matchMedia(NARROW);
  private place: Place = readPlace(location.search);
  private layout: LayoutName = "auto";
  private order: readonly string[] = [];
  private view: ApiView | null = null;
  private enlargedMs = -Infinity;
  private shown: readonly WallTile[] = [];
  private chosen: readonly WallTile[] = [];
  private division: Division = divide("auto", 0, false);

  constructor(
    private readonly room: HTMLElement,
    private readonly api: Api,
  ) {
    this.list = room.querySelector<HTMLElement>("[data-overview]") as HTMLElement;
    this.says = room.querySelector<HTMLElement>("[data-wall-says]") as HTMLElement;
    const statements = new SharedStatements(api);
    // The player's code comes only when there is something to watch.
    const openLive: OpenLive = async (tile, stream, into, tell, keep) =>
      (await import("./live-picture")).openLive({ api, statements, camera: tile.id, stream, into, tell, keep });
    const now = (): number => api.clock.nowUs();
    const elements = [...this.list.querySelectorAll<HTMLElement>("[data-camera]")];
    this.tiles = elements.map((element) => new WallTile(element, openLive, now));
    this.byId = new Map(this.tiles.map((tile) => [tile.id, tile]));
    // Of hundreds of tiles few are ever pointed at: those get their tools when that happens.
    if (this.tiles.length <= TOOLS_AT_ONCE) for (const tile of this.tiles) this.equip(tile);
    this.memory = new Memory(api.tenant, room.dataset["account"] ?? "");
    this.pictures = new Pictures(
      this.tiles,
      async () => new (await import("../stills/stills")).Stills(api),
      (error) => this.refused(error),
    );
    this.carousel = new Carousel({ stays: () => this.stays(), turn: () => this.turnOn() });
    this.toast = new Toast(room);
    this.views = new Views(api, room, this.tiles, this.toast, {
      current: () => this.asView(),
      shown: () => this.view,
      show: (view) => this.showView(view, true),
      refresh: () => this.apply(),
    });
    this.bar = new Bar(room.querySelector<HTMLElement>("[data-wall-bar]") as HTMLElement, this.barHost(), [
      h("div", { class: "wall-views" }, this.views.button, this.views.panel),
    ]);
    this.arrange = new Arrange({
      list: this.list,
      tiles: () => (this.enlarged ? [] : this.shown),
      order: () => this.order,
      setOrder: (order) => this.setOrder(order),
      swap: (a, b) => this.setOrder(swapped(this.chosenIds(), a.id, b.id)),
      dragged: (a, b, before) => this.toast.show(WORDS.swapped(a.name, b.name), { label: WORDS.undo, run: () => this.setOrder(before) }),
      say: (text) => this.say(text),
    });
    this.listen();
    this.takePlace();
    void this.loadViews();
    void this.refresh();
  }

  // -- what is shown -------------------------------------------------------------------------------------------------------

  private get enlarged(): WallTile | null {
    return this.place.camera ? (this.byId.get(this.place.camera) ?? null) : null;
  }

  /** The cameras of this view that fit the search, in order. */
  private choose(): WallTile[] {
    const inOrder = this.chosenIds()
      .filter((id) => !this.gone.has(id))
      .flatMap((id) => this.byId.get(id) ?? []);
    const { text } = this.place;
    const { site } = this;
    return inOrder.filter((tile) => (!site || tile.site === site) && (!text || matches(text, tile.name, tile.site)));
  }

  /** The site that the switcher shows alone, by name; a saved view holds what it holds. */
  private get site(): string {
    return this.view ? "" : (this.room.dataset["site"] ?? "");
  }

  private chosenIds(): readonly string[] {
    const ids = this.view ? this.view.cameras : this.tiles.map(({ id }) => id);
    return arranged(ids, this.order);
  }

  /** Brings the document to what is to be shown. */
  private apply(): void {
    this.chosen = this.choose();
    this.division = divide(this.layout, this.chosen.length, this.narrow.matches);
    const { pages, cells } = this.division;
    if (this.place.page >= pages) this.place = { ...this.place, page: pages - 1 };
    const { enlarged } = this;
    this.shown = enlarged ? [enlarged] : pageOf(this.chosen, this.place.page, cells);
    this.putInOrder(enlarged ? this.chosen : this.shown);
    const visible = new Set(this.shown);
    for (const tile of this.tiles) tile.element.hidden = !visible.has(tile);
    this.divideList(enlarged !== null);
    this.showSize();
    this.showEmpty();
    this.showBar();
    this.views.draw(this.changed());
    this.pictures.show({ tiles: this.shown, chosenGrid: this.layout !== "auto", enlarged });
  }

  /** The document's order is the order of the tab key and of screen readers: it is that of the wall. */
  private putInOrder(tiles: readonly WallTile[]): void {
    let at: Element | null = this.list.firstElementChild;
    for (const { element } of tiles) {
      if (at === element) at = element.nextElementSibling;
      else moveBefore(this.list, element, at);
    }
  }

  private divideList(enlarged: boolean): void {
    const { fits, columns, cells } = enlarged ? { fits: true, columns: 1, cells: 1 } : this.division;
    const layout = enlarged ? "1" : this.layout;
    this.room.toggleAttribute("data-fit", fits);
    this.room.toggleAttribute("data-enlarged", enlarged);
    this.list.dataset["layout"] = layout;
    if (fits) this.list.dataset["columns"] = String(columns);
    else delete this.list.dataset["columns"];
    const rows = layout === "auto" ? Math.ceil(cells / columns) : layout === "1+5" ? 3 : columns;
    if (fits) this.list.dataset["rows"] = String(rows);
    else delete this.list.dataset["rows"];
    for (const tile of this.tiles) tile.element.classList.toggle("big", layout === "1+5" && tile === this.shown[0]);
  }

  private showSize(): void {
    const columns = this.room.hasAttribute("data-fit") ? Number(this.list.dataset["columns"] ?? 1) : 1;
    this.list.dataset["tile"] = tileSize(this.list.clientWidth / columns);
  }

  private showEmpty(): void {
    const empty = this.room.querySelector<HTMLElement>("[data-wall-empty]") as HTMLElement;
    empty.hidden = this.shown.length > 0;
    this.list.hidden = this.shown.length === 0;
    if (empty.hidden || empty.childElementCount > 0) return;
    const all = h("button", { type: "button", class: "button" }, WORDS.viewAll);
    all.addEventListener("click", () => {
      if (this.site) location.assign("?site=all");
      else this.go({ text: "" });
    });
    empty.append(icon("views"), h("h2", {}, WORDS.noMatch), h("p", { class: "muted" }, WORDS.noMatchDo), all);
  }

  private showBar(): void {
    this.bar.show({
      layout: this.layout,
      text: this.place.text,
      page: this.place.page,
      pages: this.division.pages,
      cameras: this.chosen.length,
      carousel: this.carousel.running,
      mayTurn: this.division.pages > 1 || (this.view !== null && this.views.nextTurning(this.view) !== null),
      enlarged: this.enlarged,
      together: this.together(),
    });
  }

  /** Two to four cameras shown, all of which may be played, have a page on which they are. */
  private together(): string | null {
    const page = this.room.dataset["compare"];
    const fits = this.shown.length >= 2 && this.shown.length <= TOGETHER_MOST && this.shown.every(({ mayStill }) => mayStill);
    return page && fits ? `${page}?cameras=${this.shown.map(({ id }) => id).join(",")}` : null;
  }

  /** Goes to another place of the wall; the address says it, so that a reload stays there. */
  private go(change: Partial<Place>): void {
    this.place = { ...this.place, page: 0, ...change };
    this.apply();
    this.writeAddress();
  }

  private writeAddress(): void {
    clearTimeout(this.addressTimer);
    history.replaceState(history.state, "", location.pathname + writePlace(this.place));
  }

  /** Takes up what the address says: at the beginning, and after the browser's back and forward buttons. */
  private takePlace(): void {
    this.place = readPlace(location.search);
    if (this.place.camera && !this.byId.has(this.place.camera)) this.place = { ...this.place, camera: null };
    this.view = this.views.find(this.place.view);
    const base = this.view ? { layout: this.view.layout, order: [] } : this.memory.read();
    this.order = base.order;
    this.layout = this.place.layout ?? base.layout;
    this.apply();
  }

  // -- layout, order, views ------------------------------------------------------------------------------------------------

  private setLayout(layout: LayoutName): void {
    this.layout = layout;
    this.remember();
    this.go({ layout: this.view && layout !== this.view.layout ? layout : null });
  }

  private setOrder(order: readonly string[]): void {
    this.order = order;
    this.remember();
    this.apply();
  }

  /** A view is kept when its person says so; all cameras stay as they were left. */
  private remember(): void {
    if (!this.view) this.memory.write({ layout: this.layout, order: this.order });
  }

  private changed(): boolean {
    const { view } = this;
    if (!view) return false;
    return this.layout !== view.layout || this.chosenIds().some((id, at) => id !== view.cameras[at]);
  }

  /** The wall as a view: everything it holds now, in order. */
  private asView(): Pick<ViewFields, "layout" | "cameras"> {
    const filtered = this.place.text !== "" || this.site !== "";
    const cameras = filtered ? this.chosen.map(({ id }) => id) : this.chosenIds().filter((id) => this.byId.has(id));
    return { layout: this.layout, cameras };
  }

  private showView(view: ApiView | null, byHand: boolean): void {
    this.view = view;
    const base = view ? { layout: view.layout, order: [] } : this.memory.read();
    this.layout = base.layout;
    this.order = base.order;
    if (view && view.carousel_s !== null) this.carousel.start(view.carousel_s);
    else if (byHand) this.carousel.stop();
    this.go({ view: view?.id ?? null, layout: null, text: "", camera: null });
    this.say(view ? view.name : WORDS.viewAll);
  }

  private async loadViews(): Promise<void> {
    try {
      await this.views.load();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.refused(error);
    }
    const wanted = this.views.find(this.place.view);
    if (!wanted || this.view) return this.apply();
    this.view = wanted;
    this.layout = this.place.layout ?? wanted.layout;
    this.order = [];
    if (wanted.carousel_s !== null) this.carousel.start(wanted.carousel_s);
    this.apply();
  }

  // -- pages ---------------------------------------------------------------------------------------------------------------

  private turn(by: number): void {
    const { pages } = this.division;
    if (pages < 2) return;
    const page = (this.place.page + by + pages) % pages;
    this.carousel.again();
    this.go({ page });
    this.say(WORDS.turned(page + 1, pages));
  }

  /** The carousel's turn: the next page, and after the last one the next view that turns by itself. */
  private turnOn(): void {
    const last = this.place.page + 1 >= this.division.pages;
    const next = last && this.view ? this.views.nextTurning(this.view) : null;
    if (next) this.showView(next, false);
    else if (this.division.pages > 1) this.go({ page: last ? 0 : this.place.page + 1 });
  }

  private stays(): boolean {
    const looking = this.list.querySelector(":hover, :focus-visible") !== null;
    return document.hidden || this.enlarged !== null || this.arrange.busy || looking || !this.views.panel.hidden;
  }

  private toggleCarousel(): void {
    if (this.carousel.running) this.carousel.stop();
    else this.carousel.start(this.view?.carousel_s ?? CAROUSEL_S);
    this.showBar();
  }

  // -- looking closer ------------------------------------------------------------------------------------------------------

  private enlarge(tile: WallTile): void {
    if (this.enlarged === tile) return;
    this.enlargedMs = performance.now();
    const change = { ...this.place, camera: tile.id };
    if (this.enlarged) history.replaceState(history.state, "", location.pathname + writePlace(change));
    else history.pushState({ enlarged: true }, "", location.pathname + writePlace(change));
    this.place = change;
    this.apply();
    tile.link.focus({ preventScroll: true });
    this.say(WORDS.enlarged(tile.name));
  }

  /** Back to the wall: as the browser's back button does, where that leads there. */
  private goBack(): void {
    if (!this.enlarged) return;
    if ((history.state as { enlarged?: boolean } | null)?.enlarged) return history.back();
    this.closeEnlarged({ ...this.place, camera: null });
    this.writeAddress();
  }

  private closeEnlarged(place: Place): void {
    const tile = this.enlarged;
    this.place = place;
    this.apply();
    if (!tile) return;
    tile.element.scrollIntoView({ block: "nearest" });
    tile.link.focus({ preventScroll: true });
  }

  private step(by: number): void {
    const { enlarged } = this;
    if (!enlarged || this.chosen.length === 0) return;
    const at = this.chosen.indexOf(enlarged);
    this.enlarge(this.chosen[(at + by + this.chosen.length) % this.chosen.length] as WallTile);
  }

  /** Whether a click makes the tile larger; where it fills the width already, it opens the camera. */
  private growsByClick(tile: WallTile): boolean {
    return this.enlarged !== tile && tile.element.clientWidth < this.list.clientWidth * 0.8;
  }

  // -- events --------------------------------------------------------------------------------------------------------------

  private listen(): void {
    const { list } = this;
    list.addEventListener("click", (event) => this.click(event));
    list.addEventListener("dblclick", (event) => this.doubleClick(event));
    list.addEventListener("pointerover", (event) => event.pointerType !== "touch" && this.want(event.target as Element));
    list.addEventListener("pointerleave", () => this.want(document.activeElement));
    list.addEventListener("focusin", (event) => this.want(event.target as Element));
    list.addEventListener("focusout", () => this.want(list.querySelector(":hover > .tile-open")));
    addEventListener("popstate", () => this.popped());
    document.addEventListener("keydown", (event) => this.key(event));
    this.narrow.addEventListener("change", () => this.apply());
    this.room.addEventListener("pointermove", () => this.wake());
    let resized = 0;
    addEventListener("resize", () => {
      clearTimeout(resized);
      resized = window.setTimeout(() => {
        this.showSize();
        this.pictures.sync();
      }, 300);
    });
  }

  private wake(): void {
    if (!document.fullscreenElement) return;
    this.room.dataset["awake"] = "";
    clearTimeout(this.awakeTimer);
    this.awakeTimer = window.setTimeout(() => delete this.room.dataset["awake"], AWAKE_MS);
  }

  private want(target: Element | null): void {
    const tile = this.tileOf(target);
    this.equip(tile);
    this.pictures.want(tile);
  }

  private tileOf(target: Element | null): WallTile | null {
    const id = target?.closest<HTMLElement>("[data-camera]")?.dataset["camera"];
    return this.byId.get(id ?? "") ?? null;
  }

  private click(event: MouseEvent): void {
    const link = (event.target as Element).closest("a.tile-open");
    const tile = link && this.tileOf(link);
    if (!tile || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (this.enlarged) {
      // In the large picture a click is the beginning of a double click at most; the bar leads to the recordings.
      event.preventDefault();
    } else if (this.growsByClick(tile)) {
      event.preventDefault();
      this.enlarge(tile);
    }
  }

  private doubleClick(event: MouseEvent): void {
    if (!this.enlarged || performance.now() - this.enlargedMs < DOUBLE_MS) return;
    event.preventDefault();
    this.goBack();
  }

  private popped(): void {
    const place = readPlace(location.search);
    if (this.enlarged && !place.camera && place.view === this.place.view) this.closeEnlarged({ ...this.place, camera: null });
    else this.takePlace();
  }

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = (event.target as Element).closest?.("input, select, textarea, dialog") != null;
    if (inField) return;
    const { enlarged } = this;
    const keys: Record<string, (() => void) | false> = {
      Escape: enlarged !== null && (() => this.goBack()),
      ArrowLeft: enlarged !== null && (() => this.step(-1)),
      ArrowRight: enlarged !== null && (() => this.step(1)),
      PageUp: !enlarged && this.division.pages > 1 && (() => this.turn(-1)),
      PageDown: !enlarged && this.division.pages > 1 && (() => this.turn(1)),
      f: () => this.toggleFullScreen(),
      "/": !enlarged && (() => this.bar.focusSearch()),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** The search as it is typed; browsers allow few changes of the address a second. */
  private search(text: string): void {
    this.place = { ...this.place, page: 0, text };
    clearTimeout(this.searchTimer);
    // Among hundreds a search waits for the next letter.
    if (this.tiles.length <= TOOLS_AT_ONCE) this.apply();
    else this.searchTimer = window.setTimeout(() => this.apply(), SEARCH_MS);
    clearTimeout(this.addressTimer);
    this.addressTimer = window.setTimeout(() => this.writeAddress(), ADDRESS_MS);
  }

  private barHost(): ConstructorParameters<typeof Bar>[1] {
    return {
      setText: (text) => this.search(text),
      setLayout: (layout) => this.setLayout(layout),
      turn: (by) => this.turn(by),
      toggleCarousel: () => this.toggleCarousel(),
      toggleFullScreen: () => this.toggleFullScreen(),
      goBack: () => this.goBack(),
      step: (by) => this.step(by),
      toggleSound: (tile) => this.toggleSound(tile),
    };
  }

  private toggleFullScreen(): void {
    const done = document.fullscreenElement ? document.exitFullscreen() : this.room.requestFullscreen();
    // Refused where the page may not (an embedded one): the button then does nothing, which is what there is to see.
    done.catch((error: unknown) => {
      if (!(error instanceof TypeError)) throw error;
    });
  }

  /** One camera is heard at a time. */
  private toggleSound(tile: WallTile): void {
    const on = !tile.hears;
    for (const other of this.tiles) if (other !== tile && other.hears) other.setSound(false);
    tile.setSound(on);
    this.showBar();
  }

  /** Gives a tile its buttons, once. */
  private equip(tile: WallTile | null): void {
    if (!tile || this.equipped.has(tile)) return;
    this.equipped.add(tile);
    tile.element.append(this.tools(tile));
  }

  private tools(tile: WallTile): HTMLElement {
    const move = button("move", WORDS.move(tile.name), () => undefined);
    move.dataset["move"] = "";
    // Only the keyboard picks up by pressing; a pointer drags.
    move.addEventListener("click", (event) => event.detail === 0 && this.arrange.toggle(tile));
    const larger = button("bigger", WORDS.enlarge(tile.name), () => this.enlarge(tile));
    larger.dataset["enlarge"] = "";
    const open = h("a", { class: "wall-button", href: tile.link.href, title: WORDS.openPlain, "aria-label": WORDS.openPlain }, icon("recordings"));
    const sound = tile.maySound ? button("sound", WORDS.unmute(tile.name), () => this.toggleSound(tile)) : null;
    if (sound) sound.dataset["soundButton"] = "";
    return h("div", { class: "tile-tools" }, sound, move, larger, open);
  }

  // -- news of the portal --------------------------------------------------------------------------------------------------

  private async refresh(): Promise<void> {
    try {
      if (!document.hidden) this.take(await this.api.cameras());
      this.stale(null);
      this.pictures.sync();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.refused(error);
    } finally {
      setTimeout(() => void this.refresh(), REFRESH_MS);
    }
  }

  private take(cameras: readonly ApiCamera[]): void {
    for (const camera of cameras) this.byId.get(camera.id)?.update(camera);
    const there = new Set(cameras.map(({ id }) => id));
    const gone = this.tiles.filter(({ id }) => !there.has(id)).map(({ id }) => id);
    if (gone.length !== this.gone.size || gone.some((id) => !this.gone.has(id))) {
      this.gone = new Set(gone);
      this.apply();
    }
    const added = cameras.filter(({ id }) => !this.byId.has(id)).length;
    if (added > this.added) {
      this.toast.show(WORDS.newCameras(added), { label: WORDS.showThem, run: () => location.reload() });
    }
    this.added = added;
  }

  private refused(error: ApiError): void {
    if (error.status === 401) location.reload();
    // A camera that is no longer there for this person: the next list of cameras says which.
    else if (error.status !== 403 && error.status !== 404) this.stale(error.message);
  }

  private stale(message: string | null): void {
    const notice = this.room.querySelector<HTMLElement>("[data-wall-stale]") as HTMLElement;
    notice.hidden = message === null;
    notice.textContent = message === null ? "" : `${WORDS.stale} ${message}`;
  }

  private say(text: string): void {
    this.says.textContent = text;
  }
}

/** Puts `element` before `next`; keeps what plays in it going where the browser can. */
function moveBefore(list: Element, element: Element, next: Element | null): void {
  const able = list as Element & { moveBefore?(node: Element, child: Element | null): void };
  if (able.moveBefore && element.isConnected) able.moveBefore(element, next);
  else list.insertBefore(element, next);
}
