/** Where clips are written: a file or a folder a person chose, written as it grows; elsewhere the browser's memory, then its downloads. */
import { save } from "../files";

/** Without a chosen file a clip is held in memory until it is whole, so a longer one is cut into several files. */
export const MEMORY_FILE_BYTES_MOST = 250_000_000;

export interface Chunk {
  readonly type: "write";
  readonly position: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** One file being written. Nothing of it is kept unless it is closed. */
export interface ClipFile {
  readonly name: string;
  write(chunk: Chunk): Promise<void>;
  close(): Promise<void>;
  abandon(): Promise<void>;
}

export interface ClipPlace {
  /** The most one file may hold; null: no limit. */
  readonly bytesMost: number | null;
  open(name: string): Promise<ClipFile>;
  /** Takes back what choosing alone has made. */
  leave(): Promise<void>;
}

type Pickers = {
  showSaveFilePicker?: (options: object) => Promise<FileSystemFileHandle>;
  showDirectoryPicker?: (options: object) => Promise<FileSystemDirectoryHandle>;
};

/** Whether this browser lets a person choose where to write, so that a clip need not fit into memory. */
export function writesToDisk(): boolean {
  return typeof (globalThis as Pickers).showSaveFilePicker === "function";
}

/** Asks where to write; call it from a click. null: the person chose nothing. */
export async function choosePlace(name: string, several: boolean): Promise<ClipPlace | null> {
  const { showSaveFilePicker, showDirectoryPicker } = globalThis as Pickers;
  try {
    if (several && showDirectoryPicker) return new Folder(await showDirectoryPicker({ id: "clips", mode: "readwrite" }));
    if (!several && showSaveFilePicker) {
      const types = [{ description: "MP4", accept: { "video/mp4": [".mp4"] } }];
      return new OneFile(await showSaveFilePicker({ id: "clips", suggestedName: name, types }));
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
  return new Memory();
}

class Folder implements ClipPlace {
  readonly bytesMost = null;

  constructor(private readonly folder: FileSystemDirectoryHandle) {}

  async open(name: string): Promise<ClipFile> {
    return onDisk(await this.folder.getFileHandle(name, { create: true }));
  }

  async leave(): Promise<void> {}
}

/** The chosen file; should the clip turn out to need another one, that goes to the downloads. */
class OneFile implements ClipPlace {
  private taken = false;

  constructor(private readonly handle: FileSystemFileHandle) {}

  get bytesMost(): number | null {
    return this.taken ? MEMORY_FILE_BYTES_MOST : null;
  }

  async open(name: string): Promise<ClipFile> {
    if (this.taken) return inMemory(name);
    this.taken = true;
    return onDisk(this.handle);
  }

  leave(): Promise<void> {
    return removeEmpty(this.handle);
  }
}

class Memory implements ClipPlace {
  readonly bytesMost = MEMORY_FILE_BYTES_MOST;

  async open(name: string): Promise<ClipFile> {
    return inMemory(name);
  }

  async leave(): Promise<void> {}
}

async function onDisk(handle: FileSystemFileHandle): Promise<ClipFile> {
  const stream = await handle.createWritable();
  return {
    name: handle.name,
    write: (chunk) => stream.write(chunk),
    close: () => stream.close(),
    abandon: async () => {
      await stream.abort();
      await removeEmpty(handle);
    },
  };
}

/** Choosing a file makes an empty one. */
async function removeEmpty(handle: FileSystemFileHandle): Promise<void> {
  if ((await handle.getFile()).size === 0) await (handle as { remove?: () => Promise<void> }).remove?.();
}

function inMemory(name: string): ClipFile {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  return {
    name,
    write: async ({ position, data }) => {
      if (position === length) {
        pieces.push(data.slice());
        length += data.length;
      } else overwrite(pieces, position, data);
    },
    close: async () => save(new Blob(pieces, { type: "video/mp4" }), name),
    abandon: async () => void pieces.splice(0),
  };
}

function overwrite(pieces: readonly Uint8Array[], position: number, data: Uint8Array): void {
  let start = 0;
  for (const piece of pieces) {
    const from = Math.max(position, start);
    const to = Math.min(position + data.length, start + piece.length);
    if (from < to) piece.set(data.subarray(from - position, to - position), from - start);
    start += piece.length;
  }
}
