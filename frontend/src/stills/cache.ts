/** Pictures kept while they fit; the one used longest ago goes first. Closing is the cache's. Pure but for `close`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  close(): void;
}

const BYTES_PER_PIXEL = 4;

export class PictureCache<P extends Picture> {
  private readonly pictures = new Map<string, P>();
  private bytes = 0;

  constructor(private readonly mostBytes: number) {}

  get(key: string): P | null {
    const found = this.pictures.get(key);
    if (!found) return null;
    this.pictures.delete(key);
    this.pictures.set(key, found);
    return found;
  }

  /** All of them, the one used longest ago first; looking counts as no use. */
  values(): Iterable<P> {
    return this.pictures.values();
  }

  put(key: string, picture: P): void {
    this.remove(key);
    this.pictures.set(key, picture);
    this.bytes += sizeOf(picture);
    for (const oldest of this.pictures.keys()) {
      if (this.bytes <= this.mostBytes || oldest === key) break;
      this.remove(oldest);
    }
  }

  clear(): void {
    for (const key of [...this.pictures.keys()]) this.remove(key);
  }

  private remove(key: string): void {
    const picture = this.pictures.get(key);
    if (!picture) return;
    this.pictures.delete(key);
    this.bytes -= sizeOf(picture);
    picture.close();
  }
}

function sizeOf(picture: Picture): number {
  return picture.width * picture.height * BYTES_PER_PIXEL;
}
