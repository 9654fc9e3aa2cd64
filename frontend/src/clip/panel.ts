/** The panel in which a clip is chosen and saved: from when to when, what lies inside, and how far saving has come. */
import type { Api } from "../api/client";
import { ApiError } from "../api/client";
import { h } from "../dom";
import { fileName } from "../files";
import { t, tn } from "../i18n/t";
import { WorkerFailure } from "../keys/failure";
import { TrustAlarm } from "../player/trust";
import type { StreamName } from "../sealing/registry";
import { clockTime, day, fieldValue, instantOf, zoneName } from "../times";
import { absentWords, duration, runWords, size } from "../words";
import { choosePlace, MEMORY_FILE_BYTES_MOST, writesToDisk, type ClipPlace } from "./files";
import type { ClipProgress, ClipResult, SavedFile } from "./save";
import { stretchesOf, type Hole, type Span, type Stretches } from "./stretches";

const LONGEST_US = 24 * 3600 * 1e6;
const LEAST_US = 1e6;
const LOOK_AFTER_MS = 200;
const HOLES_SHOWN = 5;
/** The newest seconds are still being recorded or on their way. */
const UNSETTLED_US = 120e6;

export interface ClipPanelOptions {
  readonly api: Api;
  readonly camera: string;
  readonly name: string;
  readonly streams: readonly StreamName[];
  readonly stream: StreamName;
  readonly audio: boolean;
  readonly zone: string;
  readonly span: Span;
  /** The instant of the picture, UTC µs. */
  hereUs(): number | null;
  /** The chosen span changed here. */
  onspan(span: Span): void;
  onclose(): void;
}

export class ClipPanel {
  readonly element = h("section", { class: "vp-clip", "aria-label": t("Save a clip") });
  private span: Span;
  private held: Stretches | null = null;
  private timer = 0;
  private looking = new AbortController();
  private saving: AbortController | null = null;
  private readonly from = h("input", { type: "datetime-local", step: "1", required: true });
  private readonly to = h("input", { type: "datetime-local", step: "1", required: true });
  private readonly quality = h("select", { class: "vp-select" });
  private readonly facts = h("div", { class: "vp-clip-facts", role: "status" });
  private readonly start = h("button", { type: "submit", class: "button primary" }, t("Save clip"));
  private readonly shut = h("button", { type: "button", class: "button" }, t("Close"));
  private readonly form = h("form", { class: "vp-clip-form", novalidate: true });
  private readonly bar = h("progress", { max: "1", value: "0", "aria-label": t("Saving the clip") });
  private readonly how = h("p", {});
  private readonly cancel = h("button", { type: "button", class: "button" }, t("Cancel"));
  private readonly work = h("div", { class: "vp-clip-work", hidden: true });
  private readonly outcome = h("div", { class: "vp-clip-outcome", role: "status" });

  constructor(private readonly options: ClipPanelOptions) {
    this.span = options.span;
    this.layOut();
    this.set(options.span);
  }

  /** Another span was chosen elsewhere. */
  set(span: Span): void {
    this.span = span;
    this.from.value = fieldValue(span.fromUs, this.options.zone);
    this.to.value = fieldValue(span.toUs, this.options.zone);
    this.outcome.replaceChildren();
    this.look();
  }

  /** Begin (or end) where the picture is. */
  mark(end: "from" | "to"): void {
    const us = this.options.hereUs();
    if (us === null || this.saving) return;
    const at = Math.floor(us / 1e6) * 1e6;
    const { fromUs, toUs } = this.span;
    this.change(end === "from" ? { fromUs: at, toUs: Math.max(toUs, at + LEAST_US) } : { fromUs: Math.min(fromUs, at), toUs: at + LEAST_US });
  }

  /** Whether a clip is being written. */
  get busy(): boolean {
    return this.saving !== null;
  }

  focus(): void {
    this.from.focus();
  }

  /** Ends what is running; nothing of an unfinished file is kept. */
  stop(): void {
    clearTimeout(this.timer);
    this.looking.abort();
    this.saving?.abort();
  }

  private layOut(): void {
    const { options, form } = this;
    for (const stream of options.streams) {
      const words = stream === "main" ? t("Full picture") : t("Small picture");
      this.quality.append(h("option", { value: stream, selected: stream === options.stream }, words));
    }
    const label = (words: string, field: HTMLElement): HTMLElement => h("label", {}, h("span", {}, words), field);
    const here = (end: "from" | "to", words: string): HTMLElement => {
      const button = h("button", { type: "button", class: "button", title: end === "from" ? t("Key [") : t("Key ]") }, words);
      button.addEventListener("click", () => this.mark(end));
      return button;
    };
    const zone = zoneName(this.span.fromUs, options.zone);
    form.append(
      h("div", { class: "vp-clip-row" }, label(t("From ({zone})", { zone }), this.from), here("from", t("From here"))),
      h("div", { class: "vp-clip-row" }, label(t("To ({zone})", { zone }), this.to), here("to", t("To here"))),
      options.streams.length > 1 ? h("div", { class: "vp-clip-row" }, label(t("Picture"), this.quality)) : "",
      h("div", { class: "vp-clip-acts" }, this.start, this.shut),
    );
    this.work.append(this.bar, this.how, this.cancel);
    this.element.append(h("h2", {}, t("Save a clip")), form, this.facts, this.work, this.outcome);
    for (const field of [this.from, this.to]) field.addEventListener("change", () => this.typed());
    this.quality.addEventListener("change", () => this.look());
    this.shut.addEventListener("click", () => options.onclose());
    this.cancel.addEventListener("click", () => this.saving?.abort());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.saving) options.onclose();
    });
  }

  private typed(): void {
    const { zone } = this.options;
    const [fromUs, toUs] = [instantOf(this.from.value, zone), instantOf(this.to.value, zone)];
    if (fromUs !== null && toUs !== null) this.change({ fromUs, toUs }, true);
  }

  private change(span: Span, keepFields = false): void {
    this.options.onspan(span);
    if (!keepFields) return this.set(span);
    this.span = span;
    this.outcome.replaceChildren();
    this.look();
  }

  /** Why the chosen span cannot be a clip; null: it can. */
  private wrong(): string | null {
    const { fromUs, toUs } = this.span;
    if (toUs - fromUs < LEAST_US) return t("The end must lie after the begin.");
    if (toUs - fromUs > LONGEST_US) return t("A clip is at most 24 hours long. Choose less, and save the rest as another clip.");
    if (fromUs > this.options.api.clock.nowUs()) return t("Nothing is recorded yet at that time.");
    return null;
  }

  /** Says what lies in the chosen span, a moment after it stands still. */
  private look(): void {
    clearTimeout(this.timer);
    this.looking.abort();
    this.held = null;
    this.start.disabled = true;
    const wrong = this.wrong();
    if (wrong) return this.facts.replaceChildren(h("p", { class: "vp-clip-wrong" }, wrong));
    this.facts.replaceChildren(h("p", {}, t("{length}. Looking what is recorded…", { length: duration(this.span.toUs - this.span.fromUs) })));
    this.timer = window.setTimeout(() => void this.ask(), LOOK_AFTER_MS);
  }

  private async ask(): Promise<void> {
    const { api, camera } = this.options;
    const { fromUs, toUs } = this.span;
    const { signal } = (this.looking = new AbortController());
    try {
      const query = { cameras: [camera], fromUs, toUs, stream: this.stream, resolutionS: 0 };
      const reply = await api.timeline(query, signal);
      signal.throwIfAborted();
      this.held = stretchesOf(reply.cameras[camera]?.runs ?? [], fromUs, toUs);
      this.start.disabled = this.held.recorded.length === 0 || this.saving !== null;
      this.facts.replaceChildren(...this.describe(this.held));
    } catch (error) {
      if (!signal.aborted) this.facts.replaceChildren(h("p", { class: "vp-clip-wrong" }, messageOf(error)));
    }
  }

  private get stream(): StreamName {
    return this.quality.value as StreamName;
  }

  private describe({ recorded, holes }: Stretches): HTMLElement[] {
    if (recorded.length === 0) return [h("p", { class: "vp-clip-wrong" }, t("Nothing of this time is stored, so there is nothing to save."))];
    const sound = this.options.audio ? t("with sound where there is any") : t("without sound");
    const length = duration(this.span.toUs - this.span.fromUs);
    const out: HTMLElement[] = [h("p", {}, t("{length}, {sound}. It begins at the key frame before the begin you chose.", { length, sound }))];
    if (holes.length > 0) {
      const left = tn(
        recorded.length,
        "One file is written. Left out, because it is not there:",
        "Each unbroken part becomes a file of its own: {count} files. Left out, because it is not there:",
      );
      const settledUs = this.options.api.clock.nowUs() - UNSETTLED_US;
      out.push(h("p", {}, left), holeList(holes, this.options.zone, settledUs));
    }
    if (!writesToDisk()) {
      out.push(h("p", {}, t("This browser holds a clip in memory while it is written, so every {size} a new file begins.", { size: size(MEMORY_FILE_BYTES_MOST) })));
    }
    out.push(h("p", { class: "vp-clip-note" }, t("Saving is noted in the audit log with your name. A clip is a plain video file: it no longer proves anything by itself.")));
    return out;
  }

  private async save(): Promise<void> {
    const { held } = this;
    if (!held || this.saving || this.wrong()) return;
    const { name, zone } = this.options;
    const { fromUs, toUs } = this.span;
    const saving = new AbortController();
    this.saving = saving;
    this.show(true);
    // The browser asks before the page is left: what is being written would be lost.
    const stay = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", stay);
    try {
      const place = await choosePlace(fileName(name, fromUs, zone, "mp4"), held.recorded.length > 1);
      if (place) this.finished(await this.write(place, { fromUs, toUs }, saving.signal));
    } catch (error) {
      this.failed(error, saving.signal);
    } finally {
      removeEventListener("beforeunload", stay);
      this.saving = null;
      this.show(false);
    }
  }

  private async write(place: ClipPlace, { fromUs, toUs }: Span, signal: AbortSignal): Promise<ClipResult> {
    this.how.textContent = t("Asking for the recordings.");
    const { saveClip } = await import("./save");
    const { api, camera, name, audio, zone } = this.options;
    const onprogress = (progress: ClipProgress): void => this.progress(progress, { fromUs, toUs });
    return saveClip({ api, camera, name, audio, zone, fromUs, toUs, stream: this.stream, place, signal, onprogress });
  }

  private show(saving: boolean): void {
    this.work.hidden = !saving;
    this.start.disabled = saving || !this.held || this.held.recorded.length === 0;
    this.shut.disabled = saving;
    for (const field of [this.from, this.to, this.quality]) field.disabled = saving;
    if (!saving) return;
    this.bar.value = 0;
    this.how.textContent = t("Choose where to write.");
    this.outcome.replaceChildren();
  }

  private progress({ atUs, bytes, waiting }: ClipProgress, { fromUs, toUs }: Span): void {
    this.bar.value = Math.min(1, Math.max(0, (atUs - fromUs) / (toUs - fromUs)));
    const facts = { done: duration(Math.max(0, atUs - fromUs)), whole: duration(toUs - fromUs), size: size(bytes) };
    const done = t("{done} of {whole}, {size}", facts);
    this.how.textContent = waiting ? t("{done}. Waiting: {why}. Trying again by itself.", { done, why: waiting.message }) : done;
  }

  private finished(result: ClipResult): void {
    const { zone } = this.options;
    const { files, verified, altered } = result;
    const out: (HTMLElement | string)[] = [];
    if (altered) {
      const at = `${clockTime(altered.atUs, zone)} ${zoneName(altered.atUs, zone)}`;
      const words = t(
        "Altered at {at}: what is stored there is not what was recorded and signed ({code}). Nothing was written from there on.",
        { at, code: altered.code },
      );
      out.push(h("p", { class: "vp-clip-wrong" }, words));
    }
    if (files.length === 0) out.push(h("p", {}, altered ? t("No file was written.") : t("Nothing of this time could be fetched. No file was written.")));
    else {
      const checked = verified ? t("Every byte was verified before it was written.") : t("It was opened and fits its records, but nobody vouched for the signer.");
      out.push(h("p", {}, `${tn(files.length, "Saved.", "{count} files saved.")} ${checked}`));
      out.push(h("ul", {}, ...files.map((file) => h("li", {}, fileWords(file, zone)))));
    }
    const missing = [...new Set(result.absent.map((absent) => absentWords(absent.kind, absent.reason)))];
    if (missing.length > 0) out.push(h("p", {}, t("Left out: {what}.", { what: missing.join("; ") })));
    this.outcome.dataset["tone"] = altered ? "bad" : "ok";
    this.outcome.replaceChildren(...out);
  }

  private failed(error: unknown, signal: AbortSignal): void {
    this.outcome.dataset["tone"] = signal.aborted ? "info" : "bad";
    const words = signal.aborted ? t("Cancelled. Nothing of the unfinished file was kept.") : t("The clip was not saved. {why}", { why: messageOf(error) });
    this.outcome.replaceChildren(h("p", {}, words));
  }
}

/** `settledUs`: what is younger may still come. */
function holeList(holes: readonly Hole[], zone: string, settledUs: number): HTMLElement {
  const rows = holes.slice(0, HOLES_SHOWN).map((hole) => {
    const nothing = hole.toUs > settledUs ? t("Not there yet") : t("Nothing recorded");
    const what = hole.state ? runWords(hole.state, hole.reason) : nothing;
    const span = { begin: clockTime(hole.fromUs, zone), end: clockTime(hole.toUs, zone) };
    return h("li", {}, t("{begin} to {end}: {what}", { ...span, what }));
  });
  if (holes.length > HOLES_SHOWN) rows.push(h("li", {}, t("and {count} more", { count: holes.length - HOLES_SHOWN })));
  return h("ul", {}, ...rows);
}

function fileWords({ name, fromUs, toUs, bytes }: SavedFile, zone: string): string {
  const begin = `${day(fromUs, zone)} ${clockTime(fromUs, zone)}`;
  return t("{name}: {begin} to {end}, {size}", { name, begin, end: clockTime(toUs, zone), size: size(bytes) });
}

function messageOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof WorkerFailure || error instanceof TrustAlarm) return error.message;
  return error instanceof Error ? error.message : String(error);
}
