/** Draws key frames by WebCodecs, one after the other with one decoder. Lives in the key worker. */
import type { KeyFrame } from "./key-frame";

/** This browser cannot draw the codec. */
export class CodecError extends Error {
  override readonly name = "CodecError";
}

export class KeyFrameDecoder {
  private decoder: VideoDecoder | null = null;
  private configured = "";
  private frame: VideoFrame | null = null;
  private failure: Error | null = null;
  private work: Promise<unknown> = Promise.resolve();

  /** The picture, at most `width` pixels wide. Raises CodecError; MediaError-like DOMException for a broken sample. */
  draw(picture: KeyFrame, width: number): Promise<ImageBitmap> {
    const result = this.work.then(() => this.one(picture, width));
    this.work = result.catch(() => undefined);
    return result;
  }

  private async one(picture: KeyFrame, width: number): Promise<ImageBitmap> {
    const decoder = await this.prepared(picture);
    this.failure = null;
    try {
      decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: 0, data: picture.data }));
      await decoder.flush();
    } catch (error) {
      this.drop();
      throw this.failure ?? error;
    }
    const { frame } = this;
    this.frame = null;
    if (!frame) {
      this.drop();
      throw this.failure ?? new DOMException("the decoder gave no picture", "EncodingError");
    }
    try {
      const resizeWidth = Math.min(width, frame.displayWidth);
      const resizeHeight = Math.max(1, Math.round((resizeWidth * frame.displayHeight) / frame.displayWidth));
      return await createImageBitmap(frame, { resizeWidth, resizeHeight, resizeQuality: "medium" });
    } finally {
      frame.close();
    }
  }

  /** The decoder, set up for this picture; cameras of one kind share their parameters, so that is rarely anew. */
  private async prepared({ codec, description }: KeyFrame): Promise<VideoDecoder> {
    const wanted = `${codec}/${description.join(",")}`;
    if (this.decoder && this.configured === wanted) return this.decoder;
    const config: VideoDecoderConfig = { codec, description, optimizeForLatency: true };
    if (!("VideoDecoder" in globalThis) || !(await VideoDecoder.isConfigSupported(config)).supported) {
      throw new CodecError(`This browser cannot draw ${codec}`);
    }
    this.decoder ??= new VideoDecoder({
      output: (frame) => {
        this.frame?.close();
        this.frame = frame;
      },
      error: (error) => {
        this.failure = error;
        this.drop();
      },
    });
    this.decoder.configure(config);
    this.configured = wanted;
    return this.decoder;
  }

  private drop(): void {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    this.configured = "";
    this.frame?.close();
    this.frame = null;
  }
}
