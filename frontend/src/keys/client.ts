/** The page's side of the key worker. */
import { t } from "../i18n/t";
import { WorkerFailure } from "./failure";
import { inWords } from "./in-words";
import type { CallName, Calls, FromWorker, LiveEvent, ToWorker } from "./messages";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class KeyWorker {
  onlive: (event: LiveEvent) => void = () => undefined;
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;

  constructor() {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "keys" });
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => this.receive(event.data);
    this.worker.onerror = (event) => this.fail(t("the key worker stopped ({why})", { why: event.message || t("it could not be loaded") }));
  }

  /** Calls the worker. Raises WorkerFailure; an aborted `signal` gives kind `aborted`. */
  call<N extends CallName>(call: N, argument: Calls[N]["argument"], signal?: AbortSignal): Promise<Calls[N]["answer"]> {
    const id = this.next++;
    const answer = new Promise<Calls[N]["answer"]>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
    });
    this.post({ id, call, argument } as ToWorker);
    const cancel = (): void => this.post({ cancel: id });
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel);
    return answer.finally(() => signal?.removeEventListener("abort", cancel));
  }

  /** Ends the worker; its keys are gone with it. */
  terminate(): void {
    this.worker.terminate();
    this.fail(t("the player was closed"));
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWorker): void {
    if ("live" in message) {
      this.onlive(message.live.type === "failure" ? { ...message.live, failure: inWords(message.live.failure) } : message.live);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if ("failure" in message) waiting?.reject(new WorkerFailure(inWords(message.failure)));
    else waiting?.resolve(message.answer);
  }

  private fail(message: string): void {
    const error = new WorkerFailure({ kind: "other", code: "worker", message });
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}
