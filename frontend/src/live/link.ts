/** The viewer's WebSocket to the hub, in the key worker: ticket first, then frames one after the other. */
import type { LiveEvent } from "../keys/messages";
import { LiveReceiver, type LiveView } from "./receiver";

/** Frames that may wait to be opened; more means this machine cannot keep up. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** A socket the page's policy forbids neither opens nor closes in a worker of Chromium. */
const OPEN_MS = 10_000;

export class LiveLink {
  private readonly socket: WebSocket;
  private readonly receiver: LiveReceiver;
  private work: Promise<void> = Promise.resolve();
  private waitingBytes = 0;
  private closed = false;

  constructor(
    view: LiveView,
    private readonly emit: (event: LiveEvent) => void,
  ) {
    this.receiver = new LiveReceiver(view, emit);
    this.socket = new WebSocket(view.reply.url);
    this.socket.binaryType = "arraybuffer";
    const late = setTimeout(() => this.end("late", "The live hub does not answer"), OPEN_MS);
    this.socket.onopen = () => {
      clearTimeout(late);
      this.socket.send(JSON.stringify({ ticket: view.reply.ticket }));
      emit({ type: "open" });
    };
    this.socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => this.queue(event.data);
    this.socket.onclose = (event) => {
      clearTimeout(late);
      // Frames that came before the end are handled before it is told.
      this.work = this.work.then(() => {
        if (!this.closed) emit({ type: "closed", code: event.code, reason: event.reason });
        this.closed = true;
      });
    };
  }

  close(): void {
    this.closed = true;
    this.socket.close();
  }

  private queue(data: ArrayBuffer | string): void {
    if (typeof data === "string" || this.closed) return;
    const frame = new Uint8Array(data);
    this.waitingBytes += frame.length;
    if (this.waitingBytes > WAITING_BYTES_MAX) {
      this.end("too-slow", "Fragments come faster than this device opens them");
      return;
    }
    this.work = this.work.then(async () => {
      this.waitingBytes -= frame.length;
      if (this.closed) return;
      if (!(await this.receiver.take(frame))) this.close();
    });
  }

  /** Gives up, and says why; the page comes back after a while. */
  private end(word: string, detail: string): void {
    if (this.closed) return;
    this.emit({ type: "status", word, detail });
    this.emit({ type: "closed", code: 0, reason: detail });
    this.close();
  }
}
