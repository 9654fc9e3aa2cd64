/** One SourceBuffer: operations one after the other, init and offset only when they change, eviction when it is full. */
import { t } from "../i18n/t";
import type { Range } from "./jump";

export interface Media {
  readonly mime: string;
  /** Names the init segment; the same name is appended once. */
  readonly initId: string;
  readonly init: () => Promise<ArrayBuffer>;
  /** Seconds added to the fragments' own time. */
  readonly offset: number;
}

/** The browser's memory for this track is full and nothing can be given up. */
export class BufferFull extends Error {
  override readonly name = "BufferFull";
}

export class TrackSink {
  private work: Promise<unknown> = Promise.resolve();
  private mime: string;
  private initId = "";

  constructor(
    private readonly buffer: SourceBuffer,
    mime: string,
  ) {
    this.mime = mime;
  }

  get ranges(): Range[] {
    const out: Range[] = [];
    const { buffered } = this.buffer;
    for (let i = 0; i < buffered.length; i++) out.push([buffered.start(i), buffered.end(i)]);
    return out;
  }

  /** Appends fragments. Raises BufferFull, and DOMException where the media is refused. */
  append(media: Media, fragments: ArrayBuffer): Promise<void> {
    return this.run(async () => {
      if (media.mime !== this.mime) {
        this.buffer.changeType(media.mime);
        this.mime = media.mime;
        this.initId = "";
      }
      if (this.buffer.timestampOffset !== media.offset) this.buffer.timestampOffset = media.offset;
      if (this.initId !== media.initId) {
        await this.appendNow(await media.init());
        this.initId = media.initId;
      }
      await this.appendNow(fragments);
    });
  }

  remove(from: number, to: number): Promise<void> {
    return this.run(async () => {
      if (to <= from || this.buffer.buffered.length === 0) return;
      this.buffer.remove(Math.max(0, from), to);
      await this.settled();
    });
  }

  private run<T>(step: () => Promise<T>): Promise<T> {
    const result = this.work.then(step);
    this.work = result.catch(() => undefined);
    return result;
  }

  private async appendNow(bytes: ArrayBuffer): Promise<void> {
    try {
      this.buffer.appendBuffer(bytes);
    } catch (error) {
      if (error instanceof DOMException && error.name === "QuotaExceededError") {
        throw new BufferFull(t("the browser's buffer for this track is full"));
      }
      throw error;
    }
    await this.settled();
  }

  private settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (event: Event): void => {
        this.buffer.removeEventListener("updateend", done);
        this.buffer.removeEventListener("error", done);
        if (event.type === "error") reject(new DOMException(t("the browser refused the media"), "NotSupportedError"));
        else resolve();
      };
      this.buffer.addEventListener("updateend", done);
      this.buffer.addEventListener("error", done);
    });
  }
}
