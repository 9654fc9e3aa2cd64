/**
 * "Test this address" on the form of a camera: the agent at the site tries what is typed, or what is stored, and its
 * picture comes sealed to a key made here for this one test. Nothing typed is changed or kept.
 */
import "../styles/address-test.css";
import { Api, ApiError } from "../api/client";
import type { AddressTest } from "../api/types";
import { h, sprite } from "../dom";
import { fromBase64Url, toBase64Url, type Bytes } from "../sealing/bytes";
import { decode } from "../sealing/cbor";
import { generateBoxKeys, openPicture, type BoxKeys } from "../sealing/envelope";
import type { StreamName } from "../sealing/registry";
import { CodecError, KeyFrameDecoder } from "../stills/decoder";
import { WORDS, factsWords, secondsWords } from "./words";

const ASK_MS = 500;
const PICTURE_PX = 960;

export function addressTest(box: HTMLElement): void {
  new AddressForm(box).begin();
}

class AddressForm {
  private readonly api: Api;
  private readonly form: HTMLFormElement;
  private readonly buttons: readonly HTMLButtonElement[];
  private readonly stop: HTMLButtonElement;
  private readonly result: HTMLElement;
  private running: AbortController | null = null;

  constructor(private readonly box: HTMLElement) {
    this.api = new Api({ tenant: box.dataset["tenant"] ?? "" });
    this.form = box.closest("form") as HTMLFormElement;
    this.buttons = [...box.querySelectorAll<HTMLButtonElement>("[data-try]")];
    this.stop = box.querySelector("[data-stop]") as HTMLButtonElement;
    this.result = box.querySelector("[data-result]") as HTMLElement;
  }

  begin(): void {
    this.box.hidden = false;
    for (const button of this.buttons) {
      button.addEventListener("click", () => void this.test((button.dataset["try"] ?? "main") as StreamName, button));
    }
    this.stop.addEventListener("click", () => this.running?.abort());
    this.form.addEventListener("input", () => this.offerSub());
    addEventListener("pagehide", () => this.running?.abort());
    this.offerSub();
  }

  private offerSub(): void {
    const button = this.buttons.find((one) => one.dataset["try"] === "sub");
    if (button) button.hidden = this.value("sub_url") === "" && this.box.dataset["sub"] !== "1";
  }

  private value(name: string): string {
    const field = this.form.elements.namedItem(name);
    return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field.value.trim() : "";
  }

  private async test(stream: StreamName, button: HTMLButtonElement): Promise<void> {
    if (this.running) return;
    const running = new AbortController();
    this.running = running;
    this.busy(true);
    const began = Date.now();
    this.say("wait", WORDS.trying, "");
    const timer = setInterval(() => this.say("wait", WORDS.trying, secondsWords(Date.now() - began)), 1000);
    try {
      const keys = await generateBoxKeys();
      const test = await this.answered(await this.ask(stream, keys, running.signal), running.signal);
      clearInterval(timer);
      await this.show(test, keys);
    } catch (error) {
      clearInterval(timer);
      if (running.signal.aborted) this.say("wait", WORDS.cancelled, WORDS.kept);
      else this.say("warn", error instanceof ApiError ? error.message : WORDS.failed, WORDS.kept);
    } finally {
      this.running = null;
      const focused = document.activeElement === this.stop;
      this.busy(false);
      if (focused) button.focus();
    }
  }

  private busy(on: boolean): void {
    for (const button of this.buttons) button.disabled = on;
    this.stop.hidden = !on;
    this.box.toggleAttribute("data-busy", on);
  }

  private ask(stream: StreamName, keys: BoxKeys, signal: AbortSignal): Promise<AddressTest> {
    const { camera } = this.box.dataset;
    const url = this.value(stream === "sub" ? "sub_url" : "main_url");
    const audio = this.form.elements.namedItem("audio");
    const request = {
      ...(camera ? { camera } : { agent: this.value("agent") }),
      ...(url ? { url, user: this.value("user"), password: this.password() } : {}),
      ...{ stream, audio: audio instanceof HTMLInputElement ? audio.checked : true },
      hpke_public: toBase64Url(keys.publicBytes),
    };
    return this.api.tryAddress(request, signal);
  }

  /** As typed: a password may begin or end with a blank. */
  private password(): string {
    const field = this.form.elements.namedItem("password");
    return field instanceof HTMLInputElement ? field.value : "";
  }

  private async answered(test: AddressTest, signal: AbortSignal): Promise<AddressTest> {
    let now = test;
    while (now.state === "waiting") {
      await pause(ASK_MS, signal);
      now = await this.api.addressTest(test.id, signal);
    }
    return now;
  }

  private async show(test: AddressTest, keys: BoxKeys): Promise<void> {
    const facts = test.facts ? factsWords(test.facts) : "";
    if (test.state === "no-picture") return this.say("warn", test.reason, test.next_step, facts);
    if (!test.sealed) return this.say("ok", WORDS.works, WORDS.tooLarge, facts);
    try {
      const sealed = fromBase64Url(test.sealed);
      const plain = decode(await openPicture(sealed, { tenant: test.tenant, agent: test.agent, order: test.id }, keys), {
        maxBytes: 1_000_000,
      });
      const [codec, description, data] = plain as [string, Bytes, Bytes];
      const picture = await new KeyFrameDecoder().draw({ codec, description, data }, PICTURE_PX);
      this.say("ok", WORDS.works, "", facts, canvasOf(picture));
    } catch (error) {
      const why = error instanceof CodecError ? WORDS.notDrawn : WORDS.notOpened;
      this.say(error instanceof CodecError ? "ok" : "warn", WORDS.works, why, facts);
    }
  }

  private say(tone: "ok" | "warn" | "wait", title: string, detail: string, facts = "", picture: Node | null = null): void {
    const shown = this.result.dataset["title"] === title && tone === "wait" ? this.result.querySelector("[data-detail]") : null;
    if (shown) {
      shown.textContent = detail;
      return;
    }
    this.result.dataset["title"] = title;
    this.result.dataset["tone"] = tone;
    const words = h("div", {}, h("p", { class: "address-test-title" }, title));
    // The seconds are for the eye: whoever listens hears that it began and how it ended.
    words.append(h("p", { class: "muted", "data-detail": true, "aria-hidden": tone === "wait" ? "true" : null }, detail));
    if (facts) words.append(h("p", { class: "muted small", "data-facts": true }, facts));
    this.result.replaceChildren(...(picture ? [picture] : []), h("div", { class: "address-test-words" }, sprite(tone), words));
  }
}

function canvasOf(picture: ImageBitmap): HTMLCanvasElement {
  const canvas = h("canvas", { role: "img", "aria-label": WORDS.picture });
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  picture.close();
  return canvas;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      failed(signal.reason);
    });
  });
}
