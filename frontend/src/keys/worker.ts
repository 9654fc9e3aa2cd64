/** The key worker: one per player. Holds keys in memory only and answers the page's calls. */
import { LiveLink } from "../live/link";
import { describeFailure } from "./failure";
import type { CallName, Calls, FromWorker, ToWorker } from "./messages";
import { KeyFrameDecoder } from "../stills/decoder";
import { whenLocked } from "../held/shelf";
import { ownStore } from "../held/store";
import { KeyRoom } from "./room";

declare const self: DedicatedWorkerGlobalScope;

const room = new KeyRoom((url, init) => fetch(url, init), () => performance.now(), ownStore);
whenLocked(() => room.lock());
const decoder = new KeyFrameDecoder();
const running = new Map<number, AbortController>();
let link: LiveLink | null = null;

type Handlers = { [N in CallName]: (argument: Calls[N]["argument"], signal: AbortSignal) => Promise<Calls[N]["answer"]> };

const handlers: Handlers = {
  hpke: () => room.hpkePublic(),
  trust: (input) => room.setTrust(input),
  holdings: (input) => room.setHoldings(input),
  grant: (input) => room.grant(input),
  motion: (input, signal) => room.motion(input, signal),
  init: async ({ segment, rendition }, signal) => (await room.init(segment, rendition, signal)).buffer,
  read: ({ segment, rendition, from, to }, signal) => room.read(segment, rendition, from, to, signal),
  times: ({ segment, rendition, from, to }, signal) => room.times(segment, rendition, from, to, signal),
  keyFrames: ({ segment, rendition, wanted }, signal) => room.keyFrames(segment, rendition, wanted, signal),
  still: async ({ segment, rendition, fragment, width }, signal) => ({
    bitmap: await decoder.draw(await room.keyFrame(segment, rendition, fragment, signal), width),
  }),
  forget: async ({ segments }) => {
    room.forget(segments);
    return null;
  },
  liveOpen: async ({ reply, camera, stream }) => {
    link?.close();
    link = new LiveLink(
      { reply, camera, stream, box: await room.box(), trust: () => room.trust, holdings: () => room.shared() },
      (event) => send({ live: event }, "bytes" in event ? [event.bytes] : []),
    );
    return null;
  },
  liveClose: async () => {
    link?.close();
    link = null;
    return null;
  },
};

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

function transferables(answer: Calls[CallName]["answer"]): Transferable[] {
  if (answer instanceof ArrayBuffer) return [answer];
  if (answer && typeof answer === "object" && "bytes" in answer) return [answer.bytes];
  if (answer && typeof answer === "object" && "bitmap" in answer) return [answer.bitmap];
  return [];
}

async function answer<N extends CallName>(id: number, call: N, argument: Calls[N]["argument"]): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const value = await handlers[call](argument, controller.signal);
    send({ id, answer: value }, transferables(value));
  } catch (error) {
    send({ id, failure: describeFailure(error) });
  } finally {
    running.delete(id);
  }
}

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if ("cancel" in message) running.get(message.cancel)?.abort();
  else void answer(message.id, message.call, message.argument);
};
