/** Takes the frames of one live view in order and gives what the page can play. No network, no DOM. */
import type { LiveReply } from "../api/types";
import { PICTURE, SOUND } from "../held/derive";
import { NotShared, type Holdings } from "../held/holdings";
import { describeFailure } from "../keys/failure";
import type { LiveEvent } from "../keys/messages";
import { FLAC_MIME, flacFragment, flacInit } from "../media/flac";
import { decodeG711, isG711 } from "../media/g711";
import { boxes, find, readAudioInit, readFragments } from "../media/mp4";
import { concat, equal, fromBase64Url, hex, uuidBytes, type Bytes } from "../sealing/bytes";
import { keyId } from "../sealing/cose";
import { openKey, parseEnvelope, type BoxKeys, type Envelope } from "../sealing/envelope";
import { SealingError } from "../sealing/errors";
import { LivePlayer, parseViewerFrame, type LiveKeysFrame, type Received } from "../sealing/live";
import { AUDIO, PURPOSE_LIVE, PURPOSE_RELEASE } from "../sealing/registry";
import type { Trust } from "../sealing/statement";

export interface LiveView {
  readonly reply: LiveReply;
  readonly camera: string;
  readonly stream: number;
  readonly box: BoxKeys;
  /** The statements verified so far; null: none yet, and nothing is called verified. */
  readonly trust: () => Trust | null;
  /** Shares of camera keys (customer-held keys). Raises KeysLocked. */
  readonly holdings: () => Holdings;
}

interface TrackState {
  readonly codec: string;
  readonly timescale: number;
  readonly channels: number;
}

interface Current {
  readonly publish: Bytes;
  readonly player: LivePlayer;
  readonly signerKid: string;
  readonly agent: Bytes;
  readonly tracks: Map<number, TrackState>;
}

/** Refusals of a single message: it is dropped and the view goes on. */
const DROPPED = new Set(["replayed"]);

export class LiveReceiver {
  private current: Current | null = null;
  private shown: "opened" | "verified" = "opened";

  constructor(
    private readonly view: LiveView,
    private readonly emit: (event: LiveEvent) => void,
  ) {}

  /**
   * Takes one frame; wait for it before the next. Returns false after a failure that ends the view: what came is not what the
   * agent signed or sealed, and nothing after it may be shown.
   */
  async take(frame: Bytes): Promise<boolean> {
    try {
      const message = parseViewerFrame(frame);
      if (message?.type === "status") this.emit({ type: "status", word: message.word, detail: message.detail });
      else if (message?.type === "keys") await this.takeKeys(message);
      else if (message) await this.takeMessage(frame);
      return true;
    } catch (error) {
      if (error instanceof SealingError && DROPPED.has(error.code)) return true;
      this.emit({ type: "failure", failure: describeFailure(error) });
      return false;
    }
  }

  private async takeKeys(frame: LiveKeysFrame): Promise<void> {
    const { reply, camera, stream, box } = this.view;
    if (!equal(frame.camera, uuidBytes(camera)) || frame.stream !== stream) {
      throw new SealingError("wrong-scope", "the hub sent keys of another camera");
    }
    const current = await this.publish(frame);
    for (const { rendition, keyId: id, envelope: encoded } of frame.keys) {
      const envelope = parseEnvelope(encoded);
      const expected = {
        tenant: uuidBytes(reply.tenant),
        scope: [frame.camera, frame.stream, rendition, frame.publish],
        keyId: id,
      };
      const release = { session: fromBase64Url(reply.session), account: uuidBytes(reply.account) };
      // Customer-held keys: the hub passes the agent's envelope on as it came, sealed to the camera's key.
      const asItCame = envelope.purpose === PURPOSE_LIVE;
      const keys = asItCame ? await this.cameraBox(envelope, frame.camera, rendition === AUDIO) : box;
      if (!keys) continue;
      const raw = await openKey(
        envelope,
        asItCame ? { ...expected, purpose: PURPOSE_LIVE } : { ...expected, purpose: PURPOSE_RELEASE, release },
        keys,
      );
      await current.player.addKey(id, raw);
      raw.fill(0);
    }
  }

  /** The camera key an envelope is sealed to; null for sound whose key nobody handed over. Raises KeysLocked, NotShared. */
  private async cameraBox(envelope: Envelope, camera: Bytes, sound: boolean): Promise<BoxKeys | null> {
    try {
      return (await this.view.holdings().cameraKeys(envelope.recipient, { camera, kind: sound ? SOUND : PICTURE })).box;
    } catch (error) {
      if (sound && error instanceof NotShared) return null;
      throw error;
    }
  }

  /** The publish the keys are for; a new one begins a new chain. */
  private async publish(frame: LiveKeysFrame): Promise<Current> {
    if (this.current && equal(this.current.publish, frame.publish)) return this.current;
    const scope = {
      tenant: uuidBytes(this.view.reply.tenant),
      camera: frame.camera,
      stream: frame.stream,
      publish: frame.publish,
    };
    this.current = {
      publish: frame.publish,
      player: new LivePlayer(scope, frame.recordPublic),
      signerKid: hex(await keyId(frame.recordPublic)),
      agent: frame.agent,
      tracks: new Map(),
    };
    this.show("opened");
    return this.current;
  }

  private async takeMessage(frame: Bytes): Promise<void> {
    const { current } = this;
    if (!current) throw new SealingError("missing-key", "the hub sent fragments before any key");
    const received = await current.player.receive(frame);
    if (received.type === "ended") this.emit({ type: "status", word: "ended", detail: received.reason });
    else if (received.type === "proven") this.show(received.covered && this.vouched(current) ? "verified" : "opened");
    else if (received.type === "init") this.takeInit(current, received);
    else this.takeFragment(current, received);
  }

  /** Whether the pinned root names the signing agent. Raises `unknown-signer`, `revoked-signer` where it does not. */
  private vouched(current: Current): boolean {
    const trust = this.view.trust();
    if (!trust) return false;
    const keys = trust.recordKeys.get(current.signerKid);
    if (!keys || !equal(keys.agent, current.agent)) {
      throw new SealingError("unknown-signer", "no statement of the root names this agent's record key");
    }
    if (trust.revoked.has(hex(keys.agent))) throw new SealingError("revoked-signer", "the agent was revoked");
    return true;
  }

  private show(state: "opened" | "verified"): void {
    if (state === this.shown) return;
    this.shown = state;
    this.emit({ type: "trust", state });
  }

  private takeInit(current: Current, init: Extract<Received, { type: "init" }>): void {
    const { data, codec, rendition } = init;
    if (!data) return;
    const publish = hex(current.publish);
    if (isG711(codec)) {
      const { timescale, channels } = readAudioInit(data);
      current.tracks.set(rendition, { codec, timescale, channels });
      const { buffer } = flacInit(timescale, channels);
      this.emit({ type: "init", publish, rendition, codec, mime: FLAC_MIME, timescale, bytes: buffer });
      return;
    }
    const timescale = mediaTimescale(data);
    current.tracks.set(rendition, { codec, timescale, channels: 0 });
    const mime = `${rendition === AUDIO ? "audio" : "video"}/mp4; codecs="${codec}"`;
    this.emit({ type: "init", publish, rendition, codec, mime, timescale, bytes: data.slice().buffer });
  }

  private takeFragment(current: Current, received: Extract<Received, { type: "fragment" }>): void {
    const { data, rendition, captureUs, sync, skipped, chained } = received;
    if (!chained) this.show("opened");
    const track = current.tracks.get(rendition);
    if (!data || !track) return;
    const fragments = readFragments(data);
    const first = fragments[0] as (typeof fragments)[number];
    const duration = fragments.reduce((sum, item) => sum + item.duration, 0);
    const bytes = isG711(track.codec)
      ? concat(...fragments.map((f) => flacFragment(f.decodeTime, decodeG711(track.codec, f.payload), track.channels)))
      : data.slice();
    this.emit({
      type: "fragment",
      publish: hex(current.publish),
      rendition,
      captureUs,
      sync,
      decodeTime: first.decodeTime,
      earliest: first.earliest,
      duration,
      skipped,
      bytes: bytes.buffer,
    });
  }
}

function mediaTimescale(init: Bytes): number {
  const mdhd = find(boxes(init), "moov", "trak", "mdia", "mdhd").body;
  return new DataView(mdhd.buffer, mdhd.byteOffset).getUint32(mdhd[0] === 1 ? 20 : 12);
}
