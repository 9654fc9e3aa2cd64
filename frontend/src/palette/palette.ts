/** The palette: a dialog with one field and a list under it (a combobox by the ARIA pattern). */
import "../styles/palette.css";
import { ServerClock } from "../api/clock";
import { h, sprite } from "../dom";
import { chooseTheme, type Theme } from "../frame/theme";
import { recent, remember } from "./recent";
import { answer, type Answer, type Catalogue, type Row } from "./results";
import { WORDS } from "./words";

const FRESH_MS = 60_000;
const TIMEOUT_MS = 15_000;
const PAGE_ROWS = 6;

const ACTS = [
  { act: "theme:light", label: WORDS.light, icon: "theme" },
  { act: "theme:dark", label: WORDS.dark, icon: "theme" },
  { act: "theme:", label: WORDS.system, icon: "theme" },
  { act: "sign-out", label: WORDS.signOut, icon: "out" },
] as const;

interface Player extends HTMLElement {
  goTo(us: number): unknown;
}

class Palette {
  private readonly input = h("input", {
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "palette-list",
    "aria-autocomplete": "list",
    "aria-label": WORDS.placeholder,
    placeholder: WORDS.placeholder,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "go",
  });
  private readonly list = h("div", { id: "palette-list", role: "listbox", "aria-label": WORDS.dialog });
  private readonly note = h("p", { class: "palette-note", hidden: true });
  private readonly said = h("p", { class: "visually-hidden", role: "status" });
  private readonly dialog: HTMLDialogElement;
  private readonly clock = new ServerClock();
  private readonly tenant: string;
  private catalogue: Catalogue | null = null;
  private loadedMs = -Infinity;
  private options: { element: HTMLElement; row: Row }[] = [];
  private chosen = 0;

  constructor(private readonly address: string) {
    this.tenant = document.querySelector<HTMLElement>("[data-frame]")?.dataset["tenant"] ?? "";
    const close = h("button", { type: "button", class: "button quiet palette-close" }, WORDS.cancel);
    const keys = WORDS.keys.map(([key, does]) => h("span", {}, h("kbd", {}, key), ` ${does}`));
    this.dialog = h(
      "dialog",
      { class: "palette", "aria-label": WORDS.dialog },
      h("div", { class: "palette-field" }, sprite("search"), this.input, close),
      this.list,
      this.note,
      h("div", { class: "palette-keys", "aria-hidden": "true" }, ...keys),
      this.said,
    );
    document.body.append(this.dialog);
    close.addEventListener("click", () => this.dialog.close());
    this.input.addEventListener("input", () => this.draw());
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("pointermove", (event) => this.point(event));
  }

  toggle(): void {
    if (this.dialog.open) return this.dialog.close();
    this.input.value = "";
    this.dialog.showModal();
    this.input.focus();
    this.draw();
    if (performance.now() - this.loadedMs > FRESH_MS) void this.load();
  }

  private async load(): Promise<void> {
    const sent = Date.now();
    let reply: Response;
    try {
      reply = await fetch(this.address, {
        headers: { Accept: "application/json" },
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      return this.failed(WORDS.unreachable);
    }
    if (!reply.ok) return this.failed(reply.status === 401 ? WORDS.signedOut : WORDS.unreachable);
    const date = Date.parse(reply.headers.get("Date") ?? "");
    if (!Number.isNaN(date)) this.clock.learn(date, sent, Date.now());
    this.catalogue = (await reply.json()) as Catalogue;
    this.loadedMs = performance.now();
    this.draw();
  }

  private failed(why: string): void {
    if (this.catalogue) return; // what was known before still leads somewhere
    const again = h("button", { type: "button", class: "button" }, WORDS.again);
    again.addEventListener("click", () => {
      this.draw();
      void this.load();
    });
    this.note.replaceChildren(why, " ", again);
    this.note.hidden = false;
    this.list.removeAttribute("aria-busy");
    this.list.replaceChildren();
  }

  private draw(): void {
    const catalogue = this.catalogue;
    if (!catalogue) return this.skeleton();
    this.list.removeAttribute("aria-busy");
    const found = answer(this.input.value, catalogue, {
      nowUs: this.clock.nowUs(),
      language: document.documentElement.lang || "en",
      recent: recent(this.tenant, catalogue.account),
      here: document.querySelector<HTMLElement>("vsaas-player")?.dataset["camera"] ?? null,
      acts: ACTS,
    });
    this.show(found);
  }

  private show(found: Answer): void {
    this.options = [];
    const groups = found.groups.map((group, index) => {
      const id = `palette-group-${index}`;
      const title = h("div", { class: "palette-group", id, role: "presentation" }, group.title);
      return h("div", { role: "group", "aria-labelledby": id }, title, ...group.rows.map((row) => this.option(row)));
    });
    this.list.replaceChildren(...groups);
    this.list.scrollTop = 0;
    this.note.textContent = found.note;
    this.note.hidden = found.note === null;
    const typed = this.input.value.trim() !== "";
    this.said.textContent = typed ? (found.note ?? WORDS.results(this.options.length)) : "";
    this.choose(0);
  }

  private option(row: Row): HTMLElement {
    const detail = row.detail ? h("span", { class: "palette-detail" }, h("bdi", {}, row.detail)) : null;
    const title = h("span", { class: "palette-title" }, marked(row.title, row.marks));
    const element = h(
      "div",
      { role: "option", id: `palette-option-${this.options.length}`, class: "palette-option", "aria-selected": "false" },
      sprite(row.icon),
      title,
      detail,
    );
    this.options.push({ element, row });
    return element;
  }

  private skeleton(): void {
    this.list.setAttribute("aria-busy", "true");
    this.list.replaceChildren(...[1, 2, 3, 4].map(() => h("div", { class: "skeleton palette-skeleton" })));
    this.note.hidden = true;
    this.said.textContent = WORDS.loading;
    this.options = [];
  }

  private choose(index: number): void {
    this.options[this.chosen]?.element.setAttribute("aria-selected", "false");
    this.chosen = index;
    const option = this.options[index]?.element;
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    this.input.setAttribute("aria-activedescendant", option.id);
    // The first row shows its group's name too.
    if (index === 0) this.list.scrollTop = 0;
    else option.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    event.stopPropagation(); // the page's own keys rest while the palette is open
    const last = this.options.length - 1;
    const to: Record<string, number> = {
      ArrowDown: this.chosen >= last ? 0 : this.chosen + 1,
      ArrowUp: this.chosen <= 0 ? last : this.chosen - 1,
      PageDown: Math.min(this.chosen + PAGE_ROWS, last),
      PageUp: Math.max(this.chosen - PAGE_ROWS, 0),
    };
    const next = to[event.key];
    if (event.isComposing) return;
    if (next !== undefined && last >= 0) {
      event.preventDefault();
      this.choose(next);
    } else if (event.key === "Enter" && event.target === this.input) {
      event.preventDefault();
      const row = this.options[this.chosen]?.row;
      if (row) this.go(row, event.ctrlKey || event.metaKey);
    }
  }

  private click(event: MouseEvent): void {
    if (event.target === this.dialog) return this.dialog.close(); // beside it
    const element = (event.target as Element).closest(".palette-option");
    const option = this.options.find((item) => item.element === element);
    if (option) this.go(option.row, event.ctrlKey || event.metaKey);
  }

  private point(event: PointerEvent): void {
    const element = (event.target as Element).closest(".palette-option");
    const index = this.options.findIndex((option) => option.element === element);
    if (index >= 0 && index !== this.chosen) this.choose(index);
  }

  private go(row: Row, apart: boolean): void {
    if (row.act !== undefined) return this.perform(row.act);
    const place = row.url.split("?t=")[0] ?? row.url;
    remember(this.tenant, this.catalogue?.account ?? "", place);
    if (apart) {
      open(row.url, "_blank", "noopener");
      return;
    }
    this.dialog.close();
    const player = document.querySelector<Player>(`vsaas-player[data-camera="${row.camera ?? ""}"]`);
    if (player && row.us !== undefined) {
      history.replaceState(null, "", row.url);
      player.goTo(row.us);
      player.focus();
    } else {
      location.assign(row.url);
    }
  }

  private perform(act: string): void {
    this.dialog.close();
    if (act === "sign-out") document.querySelector<HTMLFormElement>("form[data-sign-out]")?.requestSubmit();
    else chooseTheme(act.replace("theme:", "") as Theme);
  }
}

/** A name with the typed letters marked; whole marks only where letters stand side by side. */
function marked(text: string, marks: readonly number[]): HTMLElement {
  const typed = new Set(marks);
  const name = h("bdi");
  let run = "";
  let inMark = false;
  const flush = (): void => {
    if (run) name.append(inMark ? h("mark", {}, run) : run);
    run = "";
  };
  let index = 0;
  for (const character of text) {
    if (typed.has(index) !== inMark) {
      flush();
      inMark = !inMark;
    }
    run += character;
    index += character.length;
  }
  flush();
  return name;
}

let palette: Palette | null = null;

export function togglePalette(button: HTMLElement): void {
  palette ??= new Palette(button.dataset["palette"] ?? "");
  palette.toggle();
}
