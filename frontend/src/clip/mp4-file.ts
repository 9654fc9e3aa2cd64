/** One MP4 file of a clip: samples as they were recorded, at their real distances, and when and where it was in the file itself. */
import {
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
  StreamTarget,
} from "mediabunny";
import { boxes, type Box } from "../media/mp4";
import type { Bytes } from "../sealing/bytes";
import type { Chunk, ClipFile } from "./files";
import type { AudioDescription, VideoDescription } from "./tracks";

/** 90 kHz, the agents' own clock for video: no time is rounded. */
const VIDEO_TICKS = 90_000;
const WRITE_AT_ONCE_BYTES = 4 * 1024 * 1024;
/** Seconds from 1904, where MP4 counts from, to 1970. */
const FROM_1904_S = 2_082_844_800;
const WITH_CREATION_TIME = new Set(["mvhd", "tkhd", "mdhd"]);

export interface FileFacts {
  readonly title: string;
  readonly comment: string;
  /** Wall clock of the first picture, UTC µs; becomes the file's creation time. */
  readonly startUs: number;
}

export interface SampleOut {
  readonly data: Bytes;
  readonly sync: boolean;
  /** Seconds from the file's beginning. */
  readonly time: number;
  readonly duration: number;
}

export class Mp4File {
  bytes = 0;
  private readonly output: Output<Mp4OutputFormat, StreamTarget>;
  private readonly video: EncodedVideoPacketSource;
  private readonly audio: EncodedAudioPacketSource | null;
  private moov: { data: Uint8Array; position: number } | null = null;
  private told = { video: false, audio: false };

  constructor(
    private readonly file: ClipFile,
    private readonly videoTrack: VideoDescription & { readonly codec: string },
    private readonly audioTrack: (AudioDescription & { readonly codec: string }) | null,
    private readonly facts: FileFacts,
  ) {
    const stream = new WritableStream<Chunk>({
      write: (chunk) => {
        this.bytes = Math.max(this.bytes, chunk.position + chunk.data.length);
        return file.write(chunk);
      },
    });
    this.output = new Output({
      format: new Mp4OutputFormat({
        fastStart: false,
        onMoov: (data, position) => {
          this.moov = { data: data.slice(), position };
        },
      }),
      target: new StreamTarget(stream, { chunked: true, chunkSize: WRITE_AT_ONCE_BYTES }),
    });
    this.video = new EncodedVideoPacketSource(videoTrack.kind);
    this.audio = audioTrack ? new EncodedAudioPacketSource(audioTrack.kind) : null;
    this.output.addVideoTrack(this.video, { frameRate: VIDEO_TICKS });
    if (this.audio) this.output.addAudioTrack(this.audio);
    this.output.setMetadataTags({ title: facts.title, comment: facts.comment });
  }

  get name(): string {
    return this.file.name;
  }

  start(): Promise<void> {
    return this.output.start();
  }

  /** Samples come in decoding order, the first of them a key frame. */
  async addVideo(sample: SampleOut): Promise<void> {
    const { codec, width, height, config } = this.videoTrack;
    const meta = { decoderConfig: { codec, codedWidth: width, codedHeight: height, description: config } };
    const packet = new EncodedPacket(sample.data, sample.sync ? "key" : "delta", sample.time, sample.duration);
    await this.video.add(packet, this.told.video ? undefined : meta);
    this.told.video = true;
  }

  async addAudio(sample: SampleOut): Promise<void> {
    if (!this.audio || !this.audioTrack) return;
    const { codec, channels, rate, config } = this.audioTrack;
    const meta = { decoderConfig: { codec, numberOfChannels: channels, sampleRate: rate, description: config } };
    const packet = new EncodedPacket(sample.data, "key", sample.time, sample.duration);
    await this.audio.add(packet, this.told.audio ? undefined : meta);
    this.told.audio = true;
  }

  /** Ends the file and keeps it. */
  async finish(): Promise<void> {
    await this.output.finalize();
    if (this.moov) for (const chunk of creationTimes(this.moov, this.facts.startUs)) await this.file.write(chunk);
    await this.file.close();
  }

  /** Keeps nothing of it. */
  async abandon(): Promise<void> {
    if (this.output.state === "started") await this.output.cancel();
    await this.file.abandon();
  }
}

/** The writes that set creation and modification time of movie and tracks to when it was recorded, not when it was saved. */
function creationTimes(moov: { data: Uint8Array; position: number }, startUs: number): Chunk[] {
  const seconds = Math.floor(startUs / 1e6) + FROM_1904_S;
  const bytes = moov.data as Bytes;
  return headers(boxes(bytes)).map(({ body }) => {
    const wide = body[0] === 1;
    const data = new Uint8Array(wide ? 16 : 8);
    const view = new DataView(data.buffer);
    for (const at of wide ? [4, 12] : [0, 4]) view.setUint32(at, seconds);
    return { type: "write", position: moov.position + body.byteOffset - bytes.byteOffset + 4, data };
  });
}

function headers(list: readonly Box[]): Box[] {
  return list.flatMap((box) => {
    if (WITH_CREATION_TIME.has(box.kind)) return [box];
    return ["moov", "trak", "mdia"].includes(box.kind) ? headers(boxes(box.body)) : [];
  });
}
