/** Which camera to add: a dialog with a search over all the person may play. */
import { ApiError, type Api } from "../api/client";
import type { ApiCamera } from "../api/types";
import { h, icon } from "../dom";
import { t } from "../i18n/t";

const SHOWN_MOST = 100;

const WORDS = {
  title: t("Add a camera to compare"),
  search: t("Find a camera"),
  none: t("No other camera of that name."),
  loading: t("Loading the cameras"),
  close: t("Close"),
};

export class CameraChooser {
  readonly element = h("dialog", { class: "sync-chooser", "aria-label": WORDS.title });
  private readonly field = h("input", { type: "search", "aria-label": WORDS.search, placeholder: WORDS.search });
  private readonly list = h("ul", {});
  private readonly says = h("p", { class: "muted", role: "status" });
  private cameras: readonly ApiCamera[] | null = null;

  constructor(
    private readonly api: Api,
    private readonly without: readonly string[],
    private readonly onchosen: (camera: string) => void,
  ) {
    const close = h("form", { method: "dialog" }, h("button", { class: "button" }, WORDS.close));
    this.element.append(h("h2", {}, WORDS.title), this.field, this.says, this.list, close);
    this.field.addEventListener("input", () => this.fill());
  }

  /** A place in the grid that opens it. */
  offer(words: string): HTMLElement {
    const made = h("button", { type: "button", class: "sync-add" }, icon("plus"), h("span", {}, words));
    made.addEventListener("click", () => this.open());
    return made;
  }

  open(): void {
    this.element.showModal();
    this.field.focus();
    void this.load();
  }

  private async load(): Promise<void> {
    if (this.cameras) return this.fill();
    this.says.textContent = WORDS.loading;
    try {
      this.cameras = (await this.api.cameras()).filter(({ id, may }) => may.playback && !this.without.includes(id));
      this.fill();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.says.textContent = error.message;
    }
  }

  private fill(): void {
    const typed = this.field.value.trim().toLocaleLowerCase();
    const found = (this.cameras ?? []).filter(({ name, site }) => `${name} ${site}`.toLocaleLowerCase().includes(typed));
    this.says.textContent = this.cameras && found.length === 0 ? WORDS.none : "";
    this.list.replaceChildren(
      ...found.slice(0, SHOWN_MOST).map(({ id, name, site }) => {
        const button = h(
          "button",
          { type: "button" },
          h("span", { dir: "auto" }, name),
          h("span", { class: "muted small", dir: "auto" }, site),
        );
        button.addEventListener("click", () => this.onchosen(id));
        return h("li", {}, button);
      }),
    );
  }
}
