/** Where keys are: verifies records from the trusted root, opens keys and indexes, reads fragments. Lives in the worker. */
import type { ApiKey, ApiSegment } from "../api/types";
import type { SegmentMap } from "../area/hits";
import { PICTURE, SOUND } from "../held/derive";
import { Holdings, KeysLocked, NotShared } from "../held/holdings";
import type { OwnStore } from "../held/store";
import { FLAC_MIME, flacFragment, flacInit } from "../media/flac";
import { decodeG711, isG711 } from "../media/g711";
import { boxes, find, MediaError, readAudioInit, readFragments, sampleRows, syncFragment, type SampleRow } from "../media/mp4";
import { concat, equal, fromBase64Url, fromHex, hex, sha256, toBase64Url, uuidBytes, uuidText, type Bytes } from "../sealing/bytes";
import { generateBoxKeys, openKey, parseEnvelope, type BoxKeys } from "../sealing/envelope";
import { SealingError } from "../sealing/errors";
import { openIndex, type IndexEntry } from "../sealing/index-part";
import { importInputKey, keyCommitment, segmentContext, segmentKey, type InputKey, type SegmentScope } from "../sealing/keys";
import { parseMotion } from "../sealing/motion";
import { PartReader } from "../sealing/part-reader";
import { verifyByOneOf, type Part, type Segment, type SignedRecord } from "../sealing/record";
import {
  AUDIO,
  AUDIO_OF_SUB,
  INDEX,
  MAIN,
  MOTION,
  MOTION_SEALED_MAX,
  PURPOSE_REC,
  PURPOSE_RELEASE,
  STREAM_NUMBER,
  SUITE_COBBLESTONE_256,
} from "../sealing/registry";
import type { Cbor } from "../sealing/cbor";
import { checkSigner, verifyStatements, type Trust } from "../sealing/statement";
import { keyFrame, type KeyFrame } from "../stills/key-frame";
import { describeFailure, ExpiredError } from "./failure";
import type {
  GrantedSegment,
  GrantInput,
  HoldingsInput,
  KeyFrameWanted,
  OpenedFragments,
  OpenedKeyFrames,
  OpenedMap,
  SegmentPlan,
  TrackPlan,
  TrustInput,
  TrustResult,
} from "./messages";
import { fetchRange, type Fetch } from "./store-fetch";

const BOX_HEAD_BYTES = 8;
/** An init segment has a few hundred bytes. */
const INITS_KEPT = 256;
/** Motion maps fetched at a time. */
const MAPS_AT_ONCE = 6;

interface Track {
  readonly part: Part;
  readonly entry: IndexEntry;
  readonly reader: PartReader;
  readonly plan: TrackPlan;
}

interface Held {
  readonly record: string;
  readonly tracks: Map<number, Track>;
  readonly plan: SegmentPlan;
  url: string;
  expiresAt: number;
}

export class KeyRoom {
  private boxes: Promise<BoxKeys> | null = null;
  private trusted: Trust | null = null;
  private holdings: Holdings | null = null;
  private readonly held = new Map<string, Held>();
  /** Init segments by their hash: a camera's is the same for weeks, and a still then needs one leaf less. */
  private readonly inits = new Map<string, Bytes>();
  /** Channels of G.711 tracks, by the hash of their init segment. */
  private readonly channels = new Map<string, number>();

  constructor(
    private readonly fetcher: Fetch,
    private readonly now: () => number = () => performance.now(),
    private readonly own: OwnStore | null = null,
  ) {}

  /** Takes shares of camera keys, to be opened by the own key kept on this device. Raises KeysLocked where none, or another, is kept. */
  async setHoldings({ owner, publicKey, shares }: HoldingsInput): Promise<null> {
    this.holdings = null;
    const own = await this.own?.get(owner);
    if (!own || !equal(own.publicBytes, fromBase64Url(publicKey))) throw new KeysLocked("the own key is not open on this device");
    this.holdings = new Holdings(uuidBytes(owner.tenant), own, shares);
    return null;
  }

  /** Forgets shares, and what was opened by them: the own key was locked. */
  lock(): void {
    if (!this.holdings) return;
    this.holdings = null;
    this.held.clear();
  }

  /** Shares of camera keys. Raises KeysLocked while there are none. */
  shared(): Holdings {
    if (!this.holdings) throw new KeysLocked("the own key is not open on this device");
    return this.holdings;
  }

  /** The ephemeral key pair releases are sealed to: one for the life of this worker, its private half not extractable. */
  box(): Promise<BoxKeys> {
    this.boxes ??= generateBoxKeys();
    return this.boxes;
  }

  async hpkePublic(): Promise<string> {
    return toBase64Url((await this.box()).publicBytes);
  }

  get trust(): Trust | null {
    return this.trusted;
  }

  /** Verifies the statements and remembers whom they name. Raises `wrong-root-key`, `broken-statements`, `rolled-back`. */
  async setTrust(input: TrustInput): Promise<TrustResult> {
    const seen = input.seen ? { number: input.seen.number, hash: fromHex(input.seen.hash) } : null;
    const trust = await verifyStatements(input.statements.map(fromBase64Url), input.fingerprint, seen);
    this.trusted = trust;
    const { number, hash } = trust.seen;
    return { tenant: uuidText(trust.tenant), fingerprint: trust.fingerprint, number, hash: hex(hash) };
  }

  /** Takes in what the portal granted: every stored segment verified, keys opened, index read, or its failure. */
  grant(input: GrantInput): Promise<GrantedSegment[]> {
    const stored = input.stream.segments.filter((segment) => segment.state === "stored");
    return Promise.all(
      stored.map(async (segment): Promise<GrantedSegment> => {
        try {
          return { plan: await this.take(segment, input) };
        } catch (error) {
          return { id: segment.id, failure: describeFailure(error) };
        }
      }),
    );
  }

  /** Opens the motion maps of what the portal granted: each verified, fetched and checked against its record, or its failure. */
  async motion(input: GrantInput, signal?: AbortSignal): Promise<OpenedMap[]> {
    const expiresAt = this.now() + input.livesMs;
    const waiting = [...input.stream.segments.entries()];
    const out: OpenedMap[] = [];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [i, segment] = next;
        try {
          if (this.now() > expiresAt) throw new ExpiredError("the grant for this segment is over");
          out[i] = { map: await this.openMap(segment, input, signal) };
        } catch (error) {
          out[i] = { id: segment.id, failure: describeFailure(error) };
        }
      }
    };
    await Promise.all(Array.from({ length: MAPS_AT_ONCE }, work));
    return out;
  }

  private async openMap(segment: ApiSegment, input: GrantInput, signal?: AbortSignal): Promise<SegmentMap> {
    const { url } = segment;
    if (!url || !segment.keys || !segment.index) {
      throw new SealingError("missing-key", "a stored segment came without URL, index or keys");
    }
    const { record, verified } = await this.verify(segment, input);
    const { keys, entries, described, scope } = await this.openIndexOf(segment, record, input);
    const at = described.parts.findIndex((part) => part.rendition === MOTION);
    const [part, entry, key] = [described.parts[at], entries[at], keys.get(MOTION)];
    if (!part || !entry || !key) throw new SealingError("missing-key", "the key of the motion map was not released");
    if (part.suite !== SUITE_COBBLESTONE_256) throw new SealingError("unknown-suite", `sealing suite ${part.suite} is not known`);
    if (part.length > MOTION_SEALED_MAX) throw new SealingError("bad-length", "the motion map is longer than one may be");
    const reader = new PartReader({
      length: part.length,
      leaves: entry.leaves,
      header: entry.header,
      context: segmentContext(scope, MOTION, PURPOSE_REC),
      key,
      fetch: (from, to, stop) => fetchRange(url, part.offset + from, part.offset + to, stop, this.fetcher),
    });
    const map = parseMotion(await reader.read(0, reader.plainLength, signal));
    return { ...map, id: segment.id, startUs: described.startUs, endUs: described.endUs, verified };
  }

  private async take(segment: ApiSegment, input: GrantInput): Promise<SegmentPlan> {
    if (!segment.url || !segment.keys || !segment.index) {
      throw new SealingError("missing-key", "a stored segment came without URL, index or keys");
    }
    const expiresAt = this.now() + input.livesMs;
    const known = this.held.get(segment.id);
    if (known && known.record === segment.record && (known.plan.verified || !this.trusted)) {
      known.url = segment.url;
      known.expiresAt = expiresAt;
      return known.plan;
    }
    const { record, verified } = await this.verify(segment, input);
    const opened = await this.open(segment, record, input);
    const held: Held = { record: segment.record, tracks: new Map(), plan: null as never, url: segment.url, expiresAt };
    for (const [rendition, track] of opened) held.tracks.set(rendition, this.track(segment.id, track));
    const plan = planOf(record.body.segment as Segment, held.tracks, input, { verified, adopted: segment.adopted });
    this.held.set(segment.id, Object.assign(held, { plan }));
    return plan;
  }

  private async verify(segment: ApiSegment, input: GrantInput): Promise<{ record: SignedRecord; verified: boolean }> {
    const stated = input.stream.agents[segment.agent];
    if (!stated) throw new SealingError("unknown-signer", "the portal names no key for the agent of this segment");
    const record = await verifyByOneOf(fromBase64Url(segment.record), stated.record_keys.map(fromBase64Url));
    const body = record.body;
    const place =
      equal(body.tenant, uuidBytes(input.reply.tenant)) &&
      equal(body.camera, uuidBytes(input.stream.camera)) &&
      body.stream === STREAM_NUMBER[input.stream.stream] &&
      body.segment !== null &&
      equal(body.segment.id, uuidBytes(segment.id)) &&
      body.segment.startUs === segment.start_us &&
      body.segment.endUs === segment.end_us;
    if (!place) throw new SealingError("wrong-scope", "the record speaks of another segment, place or time than the portal");
    if (!this.trusted) return { record, verified: false };
    const signer = await checkSigner(this.trusted, record);
    if (!equal(signer.agent, uuidBytes(segment.agent))) throw new SealingError("wrong-scope", "signed by another agent");
    return { record, verified: true };
  }

  /** Opens keys and index; gives the tracks whose key was released. */
  private async open(segment: ApiSegment, record: SignedRecord, input: GrantInput): Promise<Map<number, OpenTrack>> {
    const { keys, entries, described, scope } = await this.openIndexOf(segment, record, input);
    const tracks = new Map<number, OpenTrack>();
    for (const [i, entry] of entries.entries()) {
      const part = described.parts[i] as Part;
      const key = keys.get(part.rendition);
      if (key && part.media) tracks.set(part.rendition, { part, entry, key, scope });
    }
    if (!tracks.has(record.body.stream)) throw new SealingError("missing-key", "the key of the video was not released");
    return tracks;
  }

  private async openIndexOf(segment: ApiSegment, record: SignedRecord, input: GrantInput): Promise<OpenIndex> {
    const { body } = record;
    const described = body.segment as Segment;
    const scope: SegmentScope = { tenant: body.tenant, camera: body.camera, stream: body.stream, segment: described.id };
    const keys = await this.openKeys(segment, described, scope, input);
    const indexKey = keys.get(INDEX);
    if (!indexKey) throw new SealingError("missing-key", "the index key was not released");
    const entries = await openIndex(fromBase64Url(segment.index ?? ""), described.parts, scope, indexKey);
    return { keys, entries, described, scope };
  }

  private async openKeys(
    segment: ApiSegment,
    described: Segment,
    scope: SegmentScope,
    input: GrantInput,
  ): Promise<Map<number, InputKey>> {
    const box = await this.box();
    const release = {
      session: fromBase64Url(input.reply.session),
      account: uuidBytes(input.reply.account),
      expiresUs: input.reply.expires_us,
    };
    const opened = (segment.keys ?? []).map(async (item): Promise<[number, InputKey] | null> => {
      const { rendition } = item;
      const part = described.parts.find((candidate) => candidate.rendition === rendition);
      if (!part) throw new SealingError("wrong-envelope", "a key for a part this segment does not have");
      if ("period" in item) return this.fromPeriod(item, part, scope);
      const raw = await openKey(
        parseEnvelope(fromBase64Url(item.envelope)),
        {
          purpose: PURPOSE_RELEASE,
          tenant: scope.tenant,
          scope: [scope.camera, scope.segment, rendition],
          keyId: part.keyId,
          release,
        },
        box,
      );
      const key = await importInputKey(raw);
      raw.fill(0);
      return [rendition, key];
    });
    return new Map((await Promise.all(opened)).filter((entry) => entry !== null));
  }

  /**
   * The segment key out of the hour's envelope, by the camera's key; null for sound whose key nobody handed over. Raises KeysLocked,
   * NotShared, `wrong-envelope`, `wrong-key` (not the key the record commits to).
   */
  private async fromPeriod(
    { rendition, period }: Extract<ApiKey, { period: string }>,
    part: Part,
    scope: SegmentScope,
  ): Promise<[number, InputKey] | null> {
    const envelope = parseEnvelope(fromBase64Url(period));
    const sound = rendition === AUDIO;
    const box = await this.cameraBox(envelope.recipient, scope.camera, sound);
    if (!box) return null;
    const soundClass = scope.stream === MAIN ? AUDIO : AUDIO_OF_SUB;
    const raw = await openKey(
      envelope,
      {
        purpose: PURPOSE_REC,
        tenant: scope.tenant,
        // When the hour began, the record need not say; that it is this key, its commitment does.
        scope: [scope.camera, sound ? soundClass : scope.stream, envelope.scope[2] as Cbor],
        keyId: part.keyId,
      },
      box,
    );
    if (!equal(await keyCommitment(part.keyId, raw), part.commitment)) {
      throw new SealingError("wrong-key", "not the key the record commits to");
    }
    const derived = await segmentKey(raw, scope.segment, rendition);
    const key = await importInputKey(derived);
    raw.fill(0);
    derived.fill(0);
    return [rendition, key];
  }

  private async cameraBox(kid: Bytes, camera: Bytes, sound: boolean): Promise<BoxKeys | null> {
    try {
      return (await this.shared().cameraKeys(kid, { camera, kind: sound ? SOUND : PICTURE })).box;
    } catch (error) {
      if (sound && error instanceof NotShared) return null;
      throw error;
    }
  }

  private track(segment: string, { part, entry, key, scope }: OpenTrack): Track {
    if (part.suite !== SUITE_COBBLESTONE_256) {
      throw new SealingError("unknown-suite", `sealing suite ${part.suite} is not known`);
    }
    const reader = new PartReader({
      length: part.length,
      leaves: entry.leaves,
      header: entry.header,
      context: segmentContext(scope, part.rendition, PURPOSE_REC),
      key,
      fetch: (from, to, signal) => {
        const held = this.get(segment);
        return fetchRange(held.url, part.offset + from, part.offset + to, signal, this.fetcher);
      },
    });
    return { part, entry, reader, plan: trackPlan(part, entry) };
  }

  private get(segment: string): Held {
    const held = this.held.get(segment);
    if (!held || this.now() > held.expiresAt) throw new ExpiredError("the grant for this segment is over");
    return held;
  }

  private getTrack(segment: string, rendition: number): Track {
    const track = this.get(segment).tracks.get(rendition);
    if (!track) throw new SealingError("missing-key", `no key of rendition ${rendition} was released`);
    return track;
  }

  /** The init segment of a track, as Media Source is given it; checked against the signed hash. */
  async init(segment: string, rendition: number, signal?: AbortSignal): Promise<Bytes> {
    const track = this.getTrack(segment, rendition);
    const init = await this.storedInit(track, signal);
    // A copy: the caller hands its buffer to the page, and the one here stays.
    if (!isG711(track.plan.codec)) return init.slice();
    return flacInit(track.plan.timescale, this.rememberChannels(track, init));
  }

  private async storedInit(track: Track, signal?: AbortSignal): Promise<Bytes> {
    const known = this.inits.get(track.plan.initHash);
    if (known) return known;
    const init = await track.reader.read(0, track.entry.initLength, signal);
    if (hex(await sha256(init)) !== track.plan.initHash) {
      throw new SealingError("wrong-root", "the init segment is not the signed one");
    }
    if (this.inits.size >= INITS_KEPT) this.inits.delete(this.inits.keys().next().value as string);
    this.inits.set(track.plan.initHash, init);
    return init;
  }

  private rememberChannels(track: Track, init: Bytes): number {
    const { channels } = readAudioInit(init);
    this.channels.set(track.plan.initHash, channels);
    return channels;
  }

  /** Fragments [from, to) of a track, opened; G.711 comes as FLAC. */
  async read(segment: string, rendition: number, from: number, to: number, signal?: AbortSignal): Promise<OpenedFragments> {
    const track = this.getTrack(segment, rendition);
    const rows = track.entry.fragments.slice(from, to);
    const first = rows[0];
    const last = rows.at(-1);
    if (!first || !last) throw new SealingError("bad-field", `no fragments ${from} to ${to}`);
    const bytes = await track.reader.read(first.offset, last.offset + last.length, signal);
    const fragments = readFragments(bytes);
    const earliest = fragments[0]?.earliest ?? first.decodeTime;
    const { codec, initHash } = track.plan;
    if (!isG711(codec)) {
      const times = rendition === AUDIO ? [] : fragments.map((item) => item.rows.map((row) => row.time));
      return { bytes: bytes.buffer, earliest, times };
    }
    const channels =
      this.channels.get(initHash) ?? this.rememberChannels(track, await this.storedInit(track, signal));
    const flac = fragments.map((item) => flacFragment(item.decodeTime, decodeG711(codec, item.payload), channels));
    return { bytes: concat(...flac).buffer, earliest, times: [] };
  }

  /** When each sample of fragments [from, to) is shown; of the fragments, their heads alone are fetched. */
  async times(segment: string, rendition: number, from: number, to: number, signal?: AbortSignal): Promise<number[][]> {
    const track = this.getTrack(segment, rendition);
    const numbers = Array.from({ length: to - from }, (_, i) => from + i);
    const heads = await Promise.all(numbers.map((fragment) => this.head(track, fragment, signal)));
    return heads.map(({ rows }) => rows.map((row) => row.time));
  }

  /** Key frames by themselves, each as a fragment that lasts as long as it is to be shown. */
  async keyFrames(
    segment: string,
    rendition: number,
    wanted: readonly KeyFrameWanted[],
    signal?: AbortSignal,
  ): Promise<OpenedKeyFrames> {
    const track = this.getTrack(segment, rendition);
    const frames = await Promise.all(
      wanted.map(async ({ fragment, at, duration }) => {
        const { payloadAt, rows } = await this.head(track, fragment, signal);
        const [first] = rows;
        if (!first?.sync) throw new MediaError("a fragment that should begin with a key frame does not");
        const data = await track.reader.read(payloadAt, payloadAt + first.size, signal);
        return { time: first.time, bytes: syncFragment(at, [{ data, duration }]) };
      }),
    );
    return { bytes: concat(...frames.map((frame) => frame.bytes)).buffer, times: frames.map((frame) => frame.time) };
  }

  /** The samples of one fragment and where their bytes begin in the part, without reading on into them. */
  private async head(track: Track, fragment: number, signal?: AbortSignal): Promise<{ payloadAt: number; rows: SampleRow[] }> {
    const row = track.entry.fragments[fragment];
    if (!row) throw new SealingError("bad-field", `no fragment ${fragment}`);
    const size = await track.reader.read(row.offset, row.offset + BOX_HEAD_BYTES, signal);
    const length = new DataView(size.buffer, size.byteOffset).getUint32(0);
    if (length < BOX_HEAD_BYTES || length + BOX_HEAD_BYTES > row.length) throw new MediaError("an MP4 box ends too early");
    const moof = find(boxes(await track.reader.read(row.offset, row.offset + length, signal)), "moof");
    return { payloadAt: row.offset + length + BOX_HEAD_BYTES, rows: sampleRows(moof) };
  }

  /** The picture a fragment begins with, opened. Raises `bad-field` for a fragment that begins with none. */
  async keyFrame(segment: string, rendition: number, fragment: number, signal?: AbortSignal): Promise<KeyFrame> {
    const track = this.getTrack(segment, rendition);
    const row = track.entry.fragments[fragment];
    if (!row?.sync) throw new SealingError("bad-field", `fragment ${fragment} does not begin with a key frame`);
    const [init, bytes] = await Promise.all([
      this.storedInit(track, signal),
      track.reader.read(row.offset, row.offset + row.length, signal),
    ]);
    return keyFrame(track.plan.codec, init, bytes);
  }

  /** Drops keys and opened bytes of segments. */
  forget(segments: readonly string[]): void {
    for (const id of segments) this.held.delete(id);
  }
}

interface OpenIndex {
  readonly keys: Map<number, InputKey>;
  readonly entries: readonly IndexEntry[];
  readonly described: Segment;
  readonly scope: SegmentScope;
}

interface OpenTrack {
  readonly part: Part;
  readonly entry: IndexEntry;
  readonly key: InputKey;
  readonly scope: SegmentScope;
}

function trackPlan(part: Part, entry: IndexEntry): TrackPlan {
  const media = part.media as NonNullable<Part["media"]>;
  const kind = part.rendition === AUDIO ? "audio" : "video";
  return {
    rendition: part.rendition,
    codec: media.codec,
    mime: isG711(media.codec) ? FLAC_MIME : `${kind}/mp4; codecs="${media.codec}"`,
    initHash: hex(media.initHash),
    timescale: media.timescale,
    decodeTime: media.decodeTime,
    duration: media.duration,
    fragments: entry.fragments,
  };
}

function planOf(segment: Segment, tracks: Map<number, Track>, input: GrantInput, known: Pick<SegmentPlan, "verified" | "adopted">): SegmentPlan {
  return {
    id: uuidText(segment.id),
    startUs: segment.startUs,
    endUs: segment.endUs,
    run: hex(segment.run),
    ...known,
    continuationOf: segment.continuationOf ? uuidText(segment.continuationOf) : null,
    video: (tracks.get(STREAM_NUMBER[input.stream.stream]) as Track).plan,
    audio: tracks.get(AUDIO)?.plan ?? null,
  };
}
