/** Saves a clip: fetched, verified and opened as playback does it, and written as MP4 as it comes. Loaded when a clip is saved. */
import type { Api } from "../api/client";
import type { PlaybackReply, PlaybackRequest } from "../api/types";
import { fileName } from "../files";
import { t } from "../i18n/t";
import { KeyWorker } from "../keys/client";
import { inWords } from "../keys/in-words";
import type { FailureInfo, SegmentPlan, TrackPlan } from "../keys/messages";
import { readFragments } from "../media/mp4";
import { Footage } from "../player/footage";
import { LocalPins } from "../player/pins";
import { seconds, wallOf, type Absent, type Plan } from "../player/plan";
import { isRefusal, Reads } from "../player/reads";
import { TimeMap } from "../player/time-map";
import { TrustKeeper } from "../player/trust";
import type { StreamName } from "../sealing/registry";
import { clockTime, day, local, zoneName } from "../times";
import type { ClipPlace } from "./files";
import { Mp4File } from "./mp4-file";
import { BREAK_FROM_US } from "./stretches";
import { describeAudio, describeVideo } from "./tracks";

const CHUNK_FRAGMENTS = 8;
/** Doubles do not hold a sample's time exactly. */
const A_HAIR_S = 1e-6;

export interface ClipOrder {
  readonly api: Api;
  readonly camera: string;
  readonly name: string;
  readonly stream: StreamName;
  readonly audio: boolean;
  readonly fromUs: number;
  readonly toUs: number;
  readonly zone: string;
  readonly place: ClipPlace;
  readonly signal: AbortSignal;
  onprogress(progress: ClipProgress): void;
}

export interface ClipProgress {
  /** How far it has come, UTC µs. */
  readonly atUs: number;
  readonly bytes: number;
  /** Network, store or portal away: tried again by itself. */
  readonly waiting: FailureInfo | null;
}

export interface SavedFile {
  readonly name: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly bytes: number;
}

export interface ClipResult {
  readonly files: readonly SavedFile[];
  /** Every piece of it was vouched for by the pinned root. */
  readonly verified: boolean;
  /** Nothing was written from here on: what is stored is not what was signed. */
  readonly altered: { readonly atUs: number; readonly code: string } | null;
  readonly absent: readonly Absent[];
}

/** Raises ApiError, WorkerFailure, TrustAlarm; DOMException "AbortError" when cancelled, and nothing of the last file is kept then. */
export async function saveClip(order: ClipOrder): Promise<ClipResult> {
  const keys = new KeyWorker();
  try {
    return await new ClipSaver(order, keys).run();
  } finally {
    keys.terminate();
  }
}

/** The stored footage ends being what was signed. */
class Altered extends Error {
  constructor(
    readonly atUs: number,
    readonly code: string,
  ) {
    super(`altered (${code})`);
  }
}

/** The file being written, and what it goes on with. */
interface Open {
  readonly file: Mp4File;
  readonly map: TimeMap;
  readonly startUs: number;
  readonly videoInit: string;
  readonly audioInit: string | null;
  /** As the file's comment says. */
  readonly verified: boolean;
  run: string;
  endUs: number;
}

class ClipSaver {
  private readonly footage: Footage;
  private readonly reads: Reads;
  private readonly files: SavedFile[] = [];
  private readonly absent: Absent[] = [];
  private ticket: string | undefined;
  private open: Open | null = null;
  private verified = true;
  private atUs: number;
  private doneBytes = 0;
  private waiting: FailureInfo | null = null;

  constructor(
    private readonly order: ClipOrder,
    keys: KeyWorker,
  ) {
    const { api, camera, audio, stream, signal } = order;
    this.atUs = order.fromUs;
    const trust = new TrustKeeper(api, (input) => keys.call("trust", input), new LocalPins());
    this.footage = new Footage({ api, keys, trust, camera, audio, ask: (request, stop) => this.ask(request, stop) }, stream);
    this.reads = new Reads(this.footage, keys, signal, {
      pause: (ms) => pause(ms, signal),
      throwIfStopped: () => signal.throwIfAborted(),
      waitingFor: (failure) => {
        this.waiting = failure;
        this.tell();
      },
    });
  }

  async run(): Promise<ClipResult> {
    let altered: ClipResult["altered"] = null;
    try {
      await this.writeAll();
    } catch (error) {
      if (!(error instanceof Altered)) {
        await this.abandon();
        throw error;
      }
      altered = { atUs: error.atUs, code: error.code };
    }
    await this.closeFile();
    if (this.files.length === 0) await this.abandon();
    return { files: this.files, verified: this.verified, altered, absent: this.absent };
  }

  private async abandon(): Promise<void> {
    try {
      if (this.open) await this.open.file.abandon();
      else if (this.files.length === 0) await this.order.place.leave();
    } catch {
      // What failed first is what is told, not what that did to an unfinished file.
    }
  }

  /** The first question names the whole clip and is audited; the windows after it show its ticket. */
  private async ask(request: PlaybackRequest, signal: AbortSignal): Promise<PlaybackReply> {
    const { api, camera, stream, audio, fromUs, toUs } = this.order;
    const window = this.ticket
      ? { from_us: Math.max(fromUs, Math.min(request.from_us, toUs - 1)), to_us: Math.min(toUs, request.to_us), clip: this.ticket }
      : { from_us: fromUs, to_us: toUs };
    const reply = await api.clip({ camera, stream, audio, hpke_public: request.hpke_public, ...window }, signal);
    this.ticket = reply.clip;
    return reply;
  }

  private get plan(): Plan {
    return this.footage.plan as Plan;
  }

  private async writeAll(): Promise<void> {
    const { fromUs, toUs, signal } = this.order;
    await this.reads.patiently(() => this.footage.ensure(fromUs, signal));
    let before = fromUs;
    for (let segment = await this.following(null); segment; segment = await this.following(segment)) {
      this.absent.push(...this.plan.absentsBetween(before, Math.min(segment.startUs, toUs)));
      await this.writeSegment(segment);
      before = Math.max(before, segment.endUs);
      await this.footage.forgetBefore(segment.startUs);
    }
    this.absent.push(...this.plan.absentsBetween(before, toUs));
  }

  /** The next segment of the clip, the portal asked where need be; null at the end. Raises Altered for a damaged one before it. */
  private async following(segment: SegmentPlan | null): Promise<SegmentPlan | null> {
    const { fromUs, toUs, signal } = this.order;
    for (;;) {
      const next = segment ? this.plan.after(segment) : (this.plan.at(fromUs) ?? this.plan.firstFrom(fromUs));
      const damaged = this.plan.damagedBetween(segment?.startUs ?? fromUs - 1, Math.min(toUs, next?.startUs ?? toUs));
      const held = segment ? null : this.plan.absentAt(fromUs);
      const bad = damaged ?? (held?.kind === "damaged" && !this.plan.at(fromUs) ? held : null);
      if (bad?.failure) throw this.refusal(Math.max(fromUs, bad.fromUs), bad.failure);
      if (next) return next.startUs < toUs ? next : null;
      const known = this.plan.toUs;
      if (known >= toUs) return null;
      await this.reads.patiently(() => this.footage.reach(known + 1, signal));
      if (this.plan.toUs <= known && !(segment ? this.plan.after(segment) : this.plan.firstFrom(fromUs))) return null;
    }
  }

  private async writeSegment(segment: SegmentPlan): Promise<void> {
    const { fromUs } = this.order;
    if (this.open && !this.goesOn(this.open, segment)) await this.closeFile();
    if (!this.open && segment.startUs < fromUs) {
      const entry = this.plan.entry(segment, fromUs);
      for (let at: SegmentPlan | null = entry.segment; at && at.startUs < segment.startUs; at = this.plan.after(at)) {
        await this.writePart(at, at.id === entry.segment.id ? entry.fragment : 0);
      }
      return this.writePart(segment, entry.segment.id === segment.id ? entry.fragment : 0);
    }
    const first = this.open ? 0 : segment.video.fragments.findIndex((row) => row.sync);
    if (first >= 0) await this.writePart(segment, first);
  }

  /** Whether a segment may follow in the same file: nothing missing between, the same kind of picture, sound and trust. */
  private goesOn(open: Open, segment: SegmentPlan): boolean {
    const most = this.order.place.bytesMost;
    const hole = segment.startUs - open.endUs;
    const joins = hole < BREAK_FROM_US && (segment.run === open.run || hole >= 0);
    const audio = this.audioOf(segment);
    const alike = segment.video.initHash === open.videoInit && (!audio || audio.initHash === open.audioInit);
    const same = alike && segment.verified === open.verified;
    return joins && same && (most === null || open.file.bytes < most);
  }

  private audioOf(segment: SegmentPlan): TrackPlan | null {
    return this.order.audio ? segment.audio : null;
  }

  /** Writes a segment from one of its fragments on, as far as the clip goes. */
  private async writePart(segment: SegmentPlan, from: number): Promise<void> {
    const { fragments } = segment.video;
    const end = fragments.findIndex((row) => wallOf(segment, seconds(segment.video, row.decodeTime)) >= this.order.toUs);
    const last = end < 0 ? fragments.length : end;
    for (let at = from; at < last; at += CHUNK_FRAGMENTS) {
      const to = Math.min(last, at + CHUNK_FRAGMENTS);
      try {
        await this.writeChunk(segment, at, to);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (error.info.code === "missing-object") return this.missing(segment, error.info);
        return this.writeUpTo(segment, at, to, error.info);
      }
    }
  }

  private missing(segment: SegmentPlan, failure: FailureInfo): void {
    this.plan.drop(segment, "missing", failure);
    this.absent.push({ fromUs: segment.startUs, toUs: segment.endUs, kind: "missing", reason: null, failure });
  }

  /** Fragment by fragment up to the refused one, and not past it. */
  private async writeUpTo(segment: SegmentPlan, from: number, to: number, failure: FailureInfo): Promise<never> {
    let at = from;
    let last = failure;
    try {
      for (; to - from > 1 && at < to; at++) await this.writeChunk(segment, at, at + 1);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      last = error.info;
    }
    const row = segment.video.fragments[Math.min(at, to - 1)];
    throw this.refusal(wallOf(segment, seconds(segment.video, row?.decodeTime ?? segment.video.decodeTime)), last);
  }

  private refusal(atUs: number, failure: FailureInfo): Error {
    const { code, kind } = failure;
    if (kind === "locked" || kind === "unshared") return new Error(inWords(failure).message);
    if (code !== "missing-key") return new Altered(atUs, code);
    return new Error(t("You may not open the footage of {instant}.", { instant: instant(atUs, this.order.zone) }));
  }

  /** Reads both tracks of some fragments before it writes either. */
  private async writeChunk(segment: SegmentPlan, from: number, to: number): Promise<void> {
    const { signal, toUs } = this.order;
    const track = segment.video;
    const video = await this.reads.fragments(segment, track, from, to);
    const begin = seconds(track, track.fragments[from]?.decodeTime ?? 0);
    const last = track.fragments[to - 1] as (typeof track.fragments)[number];
    const end = seconds(track, last.decodeTime + last.duration);
    const audio = this.audioOf(segment);
    const sound = audio && (await this.readAudio(segment, audio, begin, end, to === track.fragments.length));
    signal.throwIfAborted();
    const wanted = upTo(samplesOf(track, video.bytes), (sample) => wallOf(segment, sample.time) < toUs);
    const [first] = wanted;
    if (!first) return;
    const open = this.open ?? (await this.openFile(segment, first.time));
    const offset = this.place(open, segment);
    for (const sample of wanted) {
      const time = sample.time + offset;
      // What is shown before the first key frame needs one before it, which is not in the file.
      if (time > -A_HAIR_S) await open.file.addVideo({ ...sample, time: Math.max(0, time) });
    }
    for (const sample of sound ?? []) {
      const time = sample.time + offset;
      if (time >= 0 && wallOf(segment, sample.time) < toUs) await open.file.addAudio({ ...sample, time });
    }
    open.endUs = Math.max(open.endUs, Math.min(toUs, wallOf(segment, end)));
    this.atUs = Math.max(this.atUs, open.endUs);
    this.verified &&= segment.verified;
    this.tell();
  }

  /** Sound that begins in [begin, end); at the segment's end all the rest of it. */
  private async readAudio(
    segment: SegmentPlan,
    track: TrackPlan,
    begin: number,
    end: number,
    rest: boolean,
  ): Promise<TimedSample[]> {
    const within = (row: (typeof track.fragments)[number]): boolean => {
      const at = seconds(track, row.decodeTime);
      return at >= begin - 1 && (rest || at < end);
    };
    const from = track.fragments.findIndex(within);
    const to = track.fragments.findLastIndex(within) + 1;
    if (from < 0) return [];
    const { bytes } = await this.reads.fragments(segment, track, from, to);
    return samplesOf(track, bytes).filter((sample) => sample.time >= begin && (rest || sample.time < end));
  }

  private async openFile(segment: SegmentPlan, firstTime: number): Promise<Open> {
    const { camera, name, zone, place } = this.order;
    const audio = this.audioOf(segment);
    const startUs = wallOf(segment, firstTime);
    const videoInit = new Uint8Array(await this.reads.init(segment, segment.video));
    const audioInit = audio && new Uint8Array(await this.reads.init(segment, audio));
    const file = new Mp4File(
      await place.open(fileName(name, startUs, zone, "mp4")),
      { ...describeVideo(videoInit), codec: segment.video.codec },
      audio && audioInit ? { ...describeAudio(audioInit), codec: audio.mime.includes("flac") ? "flac" : audio.codec } : null,
      { title: `${name}, ${instant(startUs, zone)}`, comment: this.comment(camera, startUs, segment), startUs },
    );
    await file.start();
    this.open = {
      file,
      map: new TimeMap(startUs),
      startUs,
      videoInit: segment.video.initHash,
      audioInit: audio?.initHash ?? null,
      verified: segment.verified,
      run: segment.run,
      endUs: startUs,
    };
    return this.open;
  }

  private comment(camera: string, startUs: number, segment: SegmentPlan): string {
    const { name, stream, zone, api } = this.order;
    const checked = segment.verified
      ? t("Verified when it was saved: signed by the agent, vouched for by the organisation's root key.")
      : t("Opened when it was saved; the signer was not vouched for.");
    const facts = { name, camera, tenant: api.tenant };
    return [
      stream === "main"
        ? t("Camera {name} ({camera}), main stream, organisation {tenant}.", facts)
        : t("Camera {name} ({camera}), sub stream, organisation {tenant}.", facts),
      t("First picture {utc} ({instant}).", { utc: new Date(startUs / 1000).toISOString(), instant: instant(startUs, zone) }),
      `${checked} ${t("A clip proves nothing by itself.")}`,
    ].join(" ");
  }

  /** What is added to run times (seconds) in this file. */
  private place(open: Open, segment: SegmentPlan): number {
    open.run = segment.run;
    return open.map.offset(segment);
  }

  private async closeFile(): Promise<void> {
    const { open } = this;
    this.open = null;
    if (!open) return;
    await open.file.finish();
    const { name, bytes } = open.file;
    this.doneBytes += bytes;
    this.files.push({ name, fromUs: open.startUs, toUs: open.endUs, bytes });
    this.tell();
  }

  private tell(): void {
    const bytes = this.doneBytes + (this.open?.file.bytes ?? 0);
    this.order.onprogress({ atUs: this.atUs, bytes, waiting: this.waiting });
  }
}

interface TimedSample {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly sync: boolean;
  /** When it is shown or heard, seconds on the run's clock. */
  readonly time: number;
  readonly duration: number;
}

function samplesOf(track: TrackPlan, bytes: ArrayBuffer): TimedSample[] {
  return readFragments(new Uint8Array(bytes)).flatMap(({ rows, payload }) => {
    let at = 0;
    return rows.map((row) => {
      const data = payload.subarray(at, at + row.size);
      at += row.size;
      return { data, sync: row.sync, time: seconds(track, row.time), duration: seconds(track, row.duration) };
    });
  });
}

/** Everything up to the last that is wanted: what is decoded before it may be needed for it. */
function upTo<T>(items: readonly T[], wanted: (item: T) => boolean): readonly T[] {
  return items.slice(0, items.findLastIndex(wanted) + 1);
}

function instant(us: number, zone: string): string {
  return `${day(us, zone)} ${local(us, zone).year} ${clockTime(us, zone)} ${zoneName(us, zone)}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
