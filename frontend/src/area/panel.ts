/** The panel of a search by area: how far back, how far it has come, and what was found. */
import { ApiError } from "../api/client";
import { h } from "../dom";
import { t, tn } from "../i18n/t";
import { WorkerFailure } from "../keys/failure";
import { TrustAlarm } from "../player/trust";
import { clockTime, day, zoneName } from "../times";
import { duration } from "../words";
import { coveredUs, hitsIn, type Area, type Hit } from "./hits";
import type { MapSearch, Searched } from "./search";

const HOUR_US = 3_600_000_000;
const LONGEST_US = 24 * HOUR_US;
const SHOWN = "shown";
const LIST_MOST = 200;
/** The picture comes up a little before something moves. */
const BEFORE_US = 2_000_000;

export interface AreaPanelOptions {
  readonly search: MapSearch;
  readonly zone: string;
  nowUs(): number;
  area(): Area;
  /** What the timeline shows. */
  shown(): Hit;
  onseek(us: number): void;
  onhits(hits: readonly Hit[]): void;
  onclose(): void;
}

export class AreaPanel {
  readonly element = h("section", { class: "vp-clip vp-area", "aria-label": t("Search in an area") });
  private searched: Searched | null = null;
  private span: Hit | null = null;
  private whole = false;
  private running: AbortController | null = null;
  private readonly when = h("select", { class: "vp-select" });
  private readonly start = h("button", { type: "submit", class: "button primary" }, t("Search"));
  private readonly shut = h("button", { type: "button", class: "button" }, t("Close"));
  private readonly bar = h("progress", { max: "1", value: "0", "aria-label": t("Looking through motion maps") });
  private readonly how = h("p", {});
  private readonly cancel = h("button", { type: "button", class: "button" }, t("Cancel"));
  private readonly work = h("div", { class: "vp-clip-work", hidden: true });
  private readonly outcome = h("div", { class: "vp-clip-outcome", role: "status" });
  private readonly list = h("ul", { class: "area-list", "aria-label": t("What moved in the area") });

  constructor(private readonly options: AreaPanelOptions) {
    const spans: [string, string][] = [
      [String(HOUR_US), t("The last hour")],
      [String(6 * HOUR_US), t("The last 6 hours")],
      [String(LONGEST_US), t("The last 24 hours")],
      [SHOWN, t("What the timeline shows")],
    ];
    for (const [value, words] of spans) this.when.append(h("option", { value }, words));
    const form = h(
      "form",
      { class: "vp-clip-form" },
      h("div", { class: "vp-clip-row" }, h("label", {}, h("span", {}, t("Time")), this.when)),
      h("div", { class: "vp-clip-acts" }, this.start, this.shut),
    );
    this.work.append(this.bar, this.how, this.cancel);
    const what = t("Draw a rectangle on the picture around what you look for. Found are the times at which the camera's agent saw something move there.");
    this.element.append(h("h2", {}, t("Search in an area")), h("p", {}, what), form, this.work, this.outcome, this.list);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.run();
    });
    this.cancel.addEventListener("click", () => this.running?.abort());
    this.shut.addEventListener("click", () => options.onclose());
    this.element.addEventListener("keydown", this.escape);
  }

  /** Ends a search that runs, else closes. */
  readonly escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    if (this.running) this.running.abort();
    else this.options.onclose();
  };

  /** The area is another one: what was fetched is looked through again at once. */
  areaChanged(): void {
    if (this.searched) this.show(this.searched, this.whole);
  }

  stop(): void {
    this.running?.abort();
  }

  private async run(): Promise<void> {
    if (this.running) return;
    const now = this.options.nowUs();
    const shown = this.options.shown();
    const span =
      this.when.value === SHOWN
        ? { fromUs: Math.round(shown.fromUs), toUs: Math.round(Math.min(now, shown.toUs)) }
        : { fromUs: Math.round(now - Number(this.when.value)), toUs: Math.round(now) };
    if (span.toUs - span.fromUs > LONGEST_US) return this.say("bad", t("The timeline shows more than 24 hours. Zoom in, or choose another time."));
    if (span.toUs <= span.fromUs) return this.say("bad", t("The timeline shows nothing that is recorded yet. Move it back, or choose another time."));
    this.span = span;
    this.searched = null;
    this.whole = false;
    const running = (this.running = new AbortController());
    this.busy(true);
    this.list.replaceChildren();
    this.outcome.replaceChildren();
    this.options.onhits([]);
    try {
      const on = { read: (doneFromUs: number) => this.progress(doneFromUs), hour: (searched: Searched) => this.show(searched, false) };
      this.show(await this.options.search.run(span.fromUs, span.toUs, on, running.signal), true);
    } catch (error) {
      this.failed(error, running.signal);
    } finally {
      this.running = null;
      this.busy(false);
    }
  }

  private busy(busy: boolean): void {
    // The focus goes with what can be done: a button that is off or hidden would lose it.
    const here = document.activeElement === (busy ? this.start : this.cancel);
    this.work.hidden = !busy;
    this.start.disabled = this.when.disabled = busy;
    if (here) (busy ? this.cancel : this.start).focus({ preventScroll: true });
    if (!busy) return;
    this.bar.value = 0;
    this.how.textContent = t("Asking for motion maps.");
  }

  private progress(doneFromUs: number): void {
    const { fromUs, toUs } = this.span as Hit;
    const done = Math.max(0, toUs - Math.max(fromUs, doneFromUs));
    this.bar.value = done / (toUs - fromUs);
    this.how.textContent = t("{done} of {whole}", { done: duration(done), whole: duration(toUs - fromUs) });
  }

  private show(searched: Searched, whole: boolean): void {
    const { fromUs, toUs } = this.span as Hit;
    this.searched = searched;
    this.whole = whole;
    const hits = hitsIn(searched.maps, this.options.area(), fromUs, toUs);
    this.options.onhits(hits);
    this.listHits(hits);
    if (!whole) return;
    const covered = coveredUs(searched.maps, fromUs, toUs);
    const words: string[] = [];
    if (covered === 0) words.push(...this.none(searched));
    else {
      words.push(hits.length === 0 ? t("Nothing was seen to move in this area.") : tn(hits.length, "Something moved there once.", "Something moved there {count} times."));
      words.push(t("Motion maps cover {covered} of the {whole} searched; of the rest nothing is known.", { covered: duration(covered), whole: duration(toUs - fromUs) }));
    }
    if (searched.withheld) words.push(t("Time that your hours do not permit was left out."));
    if (searched.failure) {
      words.push(tn(searched.failed, "One map could not be read: {why}", "{count} maps could not be read: {why}", { why: searched.failure.message }));
    }
    if (searched.maps.some(({ verified }) => !verified)) words.push(t("The maps were opened and fit their records, but nobody vouched for the signer."));
    this.say(searched.failure ? "bad" : covered === 0 ? "info" : "ok", ...words);
  }

  private none({ failed, withheld }: Searched): string[] {
    if (failed > 0) return [];
    if (withheld) return [t("There are no motion maps in the time you may see.")];
    return [
      t("There are no motion maps in this time."),
      t("The agent makes them while it looks for motion in the pictures itself. Who may change the camera's settings can switch that on; it counts from then on."),
    ];
  }

  private listHits(hits: readonly Hit[]): void {
    const { zone } = this.options;
    const newest = [...hits].reverse().slice(0, LIST_MOST);
    const rows = newest.map(({ fromUs, toUs }) => {
      const at = `${day(fromUs, zone)} ${clockTime(fromUs, zone)} ${zoneName(fromUs, zone)}`;
      const button = h("button", { type: "button" }, t("{at}, for {length}", { at, length: duration(toUs - fromUs) }));
      button.addEventListener("click", () => this.options.onseek(fromUs - BEFORE_US));
      return h("li", {}, button);
    });
    if (hits.length > LIST_MOST) {
      rows.push(h("li", {}, t("and {count} more: choose a smaller area, or less time", { count: hits.length - LIST_MOST })));
    }
    this.list.replaceChildren(...rows);
  }

  private say(tone: "ok" | "info" | "bad", ...words: readonly string[]): void {
    this.outcome.dataset["tone"] = tone;
    this.outcome.replaceChildren(...words.map((text) => h("p", {}, text)));
  }

  private failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return this.say("info", t("Cancelled. What was found until then stays."));
    this.say("bad", t("The search ended. {why}", { why: messageOf(error) }));
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof WorkerFailure || error instanceof TrustAlarm) return error.message;
  return error instanceof Error ? error.message : String(error);
}
