/** The panel that steers a camera: pad, zoom, speed, home and kept positions; by pointer, touch and keyboard. */
import "../styles/steering.css";
import { ApiError, type Api } from "../api/client";
import type { Preset, SteerRequest, Steers } from "../api/types";
import { h } from "../dom";
import { t } from "../i18n/t";
import { LASTS_MS, Steerer, type Way } from "./steerer";

const WAITS_MS = 8000;
const LOOK_MS = 150;
const DIRECTIONS: readonly [name: string, words: () => string, sign: string, way: Way][] = [
  ["up", () => t("Up"), "↑", { pan: 0, tilt: 1, zoom: 0 }],
  ["left", () => t("Left"), "←", { pan: -1, tilt: 0, zoom: 0 }],
  ["right", () => t("Right"), "→", { pan: 1, tilt: 0, zoom: 0 }],
  ["down", () => t("Down"), "↓", { pan: 0, tilt: -1, zoom: 0 }],
  ["closer", () => t("Closer"), "+", { pan: 0, tilt: 0, zoom: 1 }],
  ["wider", () => t("Wider"), "−", { pan: 0, tilt: 0, zoom: -1 }],
];
const KEYS: Readonly<Record<string, string>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
  "+": "closer",
  "-": "wider",
};

export interface SteeringOptions {
  readonly api: Api;
  readonly camera: string;
  readonly steers: ReadonlySet<Steers>;
  /** Whether kept positions may be changed. */
  readonly mayKeep: boolean;
}

export class SteeringPanel {
  readonly element = h("div", { class: "steering", role: "group", "aria-label": t("Steer the camera") });
  private readonly said = h("p", { class: "steering-said", role: "status" });
  private readonly speed = h("input", { type: "range", min: "0.1", max: "1", step: "0.1", value: "0.5", "aria-label": t("Speed") });
  private readonly presets = h("select", { class: "vp-select", "aria-label": t("Kept positions") });
  private readonly takeOver = h("button", { type: "button", class: "button", hidden: true }, t("Take over"));
  private readonly steerer: Steerer;
  private held = "";
  private takes = false;

  constructor(private readonly options: SteeringOptions) {
    this.steerer = new Steerer(
      (way) => this.ask(way ? { act: "move", ...this.scaled(way), ms: LASTS_MS } : { act: "stop" }),
      (why) => this.fail(why),
    );
    if (options.steers.has("move")) this.layOutPad();
    const more = h("div", { class: "steering-more" });
    if (options.steers.has("home")) more.append(this.button(t("Home"), () => void this.act({ act: "home" })));
    if (options.steers.has("presets")) this.layOutPresets(more);
    this.takeOver.addEventListener("click", () => {
      this.takes = true;
      this.takeOver.hidden = true;
      this.say(t("You steer now."));
    });
    this.element.append(more, this.said, this.takeOver);
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("keyup", (event) => KEYS[event.key] === this.held && this.release());
    this.element.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && this.element.contains(event.relatedTarget))) this.release();
    });
    if (options.steers.has("presets")) void this.list();
  }

  /** Nobody holds a button any more. */
  release(): void {
    if (!this.held) return;
    this.held = "";
    this.steerer.stop();
  }

  private layOutPad(): void {
    const pad = h("div", { class: "steering-pad" });
    for (const [name, words, sign, way] of DIRECTIONS) {
      const button = h("button", { type: "button", class: "steering-way", "data-way": name, "aria-label": words(), title: words() }, sign);
      button.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        button.setPointerCapture(event.pointerId);
        this.press(name, way);
      });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, () => this.release());
      button.addEventListener("contextmenu", (event) => event.preventDefault());
      button.addEventListener("keydown", (event) => {
        if (event.key === " " || event.key === "Enter") {
          event.preventDefault();
          this.press(name, way);
        }
      });
      button.addEventListener("keyup", () => this.release());
      pad.append(button);
    }
    this.element.append(pad, h("label", { class: "steering-speed" }, h("span", {}, t("Speed")), this.speed));
  }

  private layOutPresets(more: HTMLElement): void {
    this.presets.addEventListener("change", () => {
      if (this.presets.value) void this.act({ act: "go", preset: this.presets.value });
    });
    more.append(this.presets);
    if (!this.options.mayKeep) return;
    const asks = t("What is this position called?");
    const name = h("input", { type: "text", maxlength: "60", dir: "auto", autocomplete: "off", placeholder: asks, "aria-label": asks });
    const keep = async (): Promise<void> => {
      const called = name.value.trim();
      if (!called) {
        this.say(asks);
        return name.focus();
      }
      if (await this.change({ act: "keep", name: called })) name.value = "";
    };
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void keep();
    });
    more.append(
      name,
      this.button(t("Keep this position"), () => void keep()),
      this.button(t("Remove position"), () => {
        const chosen = this.presets.selectedOptions[0];
        if (!chosen?.value) return this.say(t("Choose a position first."));
        if (confirm(t("Remove the position {name}?", { name: chosen.text }))) {
          void this.change({ act: "remove", preset: chosen.value, name: chosen.text.slice(0, 60) });
        }
      }),
    );
  }

  private button(words: string, act: () => void): HTMLButtonElement {
    const button = h("button", { type: "button", class: "button quiet" }, words);
    button.addEventListener("click", act);
    return button;
  }

  private key(event: KeyboardEvent): void {
    const name = KEYS[event.key];
    const typing = event.target instanceof HTMLSelectElement || event.target instanceof HTMLInputElement;
    if (!name || typing || !this.options.steers.has("move")) return;
    event.preventDefault();
    event.stopPropagation();
    const way = DIRECTIONS.find(([one]) => one === name)?.[3];
    if (way) this.press(name, way);
  }

  private press(name: string, way: Way): void {
    if (this.held === name) return;
    this.held = name;
    this.say("");
    this.steerer.go(way);
  }

  private scaled({ pan, tilt, zoom }: Way): Way {
    const speed = Number(this.speed.value);
    return { pan: pan * speed, tilt: tilt * speed, zoom: zoom * speed };
  }

  private async ask(wish: SteerRequest): Promise<void> {
    await this.options.api.steer(this.options.camera, { ...wish, take_over: this.takes });
    this.takes = false;
    this.takeOver.hidden = true;
  }

  private async act(wish: SteerRequest): Promise<void> {
    this.say("");
    try {
      await this.ask(wish);
    } catch (error) {
      this.fail(error);
    }
  }

  private async list(): Promise<void> {
    await this.change({ act: "presets" });
  }

  /** An act about presets; shows what the camera keeps then. Whether it was done. */
  private async change(wish: SteerRequest): Promise<boolean> {
    const { api, camera } = this.options;
    try {
      this.say("");
      const begun = await api.steer(camera, { ...wish, take_over: this.takes });
      this.takes = false;
      const until = performance.now() + WAITS_MS;
      let told = begun;
      while (told.state === "waiting" && performance.now() < until) {
        await new Promise((done) => setTimeout(done, LOOK_MS));
        told = await api.steered(camera, begun.id);
      }
      if (told.state === "done") this.show(told.presets);
      else this.say(told.reason || t("The camera did not answer."));
      return told.state === "done";
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private show(presets: readonly Preset[]): void {
    const first = presets.length > 0 ? t("Go to a position…") : t("No positions kept");
    this.presets.replaceChildren(
      h("option", { value: "" }, first),
      ...presets.map(({ token, name }) => h("option", { value: token }, name || token)),
    );
  }

  private fail(error: unknown): void {
    this.held = "";
    this.takeOver.hidden = !(error instanceof ApiError && error.code === "somebody-steers");
    this.say(error instanceof Error ? error.message : String(error));
  }

  private say(text: string): void {
    if (this.said.textContent !== text) this.said.textContent = text;
  }
}
