/** The page's side of the key worker. */
import { t } from "../i18n/t";
import { WorkerFailure } from "./failure";
import { inWords } from "./in-words";
import type { CallName, Calls, FailureInfo, FromWorker, GrantedSegment, HoldingsInput, LiveEvent, OpenedMap, ToWorker } from "./messages";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class KeyWorker {
  onlive: (event: LiveEvent) => void = () => undefined;
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private closed = false;
  /** The shares the worker was given last. */
  private given: HoldingsInput | null = null;
  /** Counts live views opened and closed: what is done about one concerns no later one. */
  private view = 0;

  constructor() {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "keys" });
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => this.receive(event.data);
    this.worker.onerror = (event) => this.fail(t("the key worker stopped ({why})", { why: event.message || t("it could not be loaded") }));
  }

  /** Calls the worker. Raises WorkerFailure; an aborted `signal` gives kind `aborted`. */
  async call<N extends CallName>(call: N, argument: Calls[N]["argument"], signal?: AbortSignal): Promise<Calls[N]["answer"]> {
    if (call === "liveOpen" || call === "liveClose") this.view++;
    const answer = await this.once(call, argument, signal);
    const lacking = call === "grant" || call === "motion" ? lackingKeys(answer as readonly (GrantedSegment | OpenedMap)[]) : null;
    if (!lacking || !(await this.takeKeys(lacking))) return answer;
    signal?.throwIfAborted();
    return this.once(call, argument, signal);
  }

  private once<N extends CallName>(call: N, argument: Calls[N]["argument"], signal?: AbortSignal): Promise<Calls[N]["answer"]> {
    if (this.closed) return Promise.reject(new WorkerFailure({ kind: "other", code: "worker", message: t("the player was closed") }));
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
    this.closed = true;
    this.worker.terminate();
    this.fail(t("the player was closed"));
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWorker): void {
    if ("live" in message) return this.live(message.live);
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if ("failure" in message) waiting?.reject(new WorkerFailure(inWords(message.failure)));
    else waiting?.resolve(message.answer);
  }

  private live(event: LiveEvent): void {
    if (event.type !== "failure") return this.onlive(event);
    const { failure } = event;
    if (failure.kind === "locked" || failure.kind === "unshared") void this.liveKeys(failure);
    else this.onlive({ ...event, failure: inWords(failure) });
  }

  /** The own key, or a share, lacks: the view comes back with it as after any interruption. */
  private async liveKeys(lacking: FailureInfo): Promise<void> {
    const { view } = this;
    let failure = lacking;
    try {
      const taken = await this.takeKeys(lacking);
      if (view !== this.view) return;
      if (taken) return this.onlive({ type: "closed", code: 0, reason: "" });
    } catch (error) {
      failure = error instanceof WorkerFailure ? error.info : { kind: "other", code: "keys", message: String(error) };
    }
    this.onlive({ type: "failure", failure: inWords(failure) });
  }

  /** Has the person unlock their own key, and gives the worker their shares; false where they were given already and still lack one. */
  private async takeKeys({ kind }: FailureInfo): Promise<boolean> {
    const { theKeyring } = await import("../held/keyring");
    const holdings = await theKeyring().holdings(kind === "unshared");
    if (holdings.shares === this.given?.shares && kind === "unshared") return false;
    await this.once("holdings", holdings);
    this.given = holdings;
    return true;
  }

  private fail(message: string): void {
    const error = new WorkerFailure({ kind: "other", code: "worker", message });
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}

/** The failure of a segment for which this person's keys lack, where there is one. */
function lackingKeys(granted: readonly (GrantedSegment | OpenedMap)[]): FailureInfo | null {
  const failures = granted.flatMap((segment) => ("failure" in segment ? [segment.failure] : []));
  return failures.find(({ kind }) => kind === "locked") ?? failures.find(({ kind }) => kind === "unshared") ?? null;
}
