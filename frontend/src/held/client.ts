/** The page's side of the worker of own keys. */
import { language, t } from "../i18n/t";
import type { Fault, FromHeld, HeldCallName, HeldCalls, ToHeld } from "./messages";

/** An act on keys did not succeed; the message is in the page's language. */
export class HeldFailure extends Error {
  override readonly name = "HeldFailure";

  constructor(readonly fault: Fault) {
    super(inWords(fault));
  }
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  progress(part: number): void;
}

export class HeldWorker {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;

  constructor() {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "own-keys" });
    this.worker.onmessage = ({ data }: MessageEvent<FromHeld>) => this.receive(data);
    this.worker.onerror = (event) => {
      const error = new HeldFailure({ code: "worker", message: event.message });
      for (const waiting of this.waiting.values()) waiting.reject(error);
      this.waiting.clear();
    };
  }

  /** Calls the worker; `progress` is told how far a slow act has come, 0 to 1. Raises HeldFailure. */
  call<N extends HeldCallName>(
    call: N,
    argument: HeldCalls[N]["argument"],
    progress: (part: number) => void = () => undefined,
  ): Promise<HeldCalls[N]["answer"]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as Waiting["resolve"], reject, progress });
      this.worker.postMessage({ id, call, argument } as ToHeld);
    });
  }

  private receive(message: FromHeld): void {
    const waiting = this.waiting.get(message.id);
    if ("progress" in message) return waiting?.progress(message.progress);
    this.waiting.delete(message.id);
    if ("fault" in message) waiting?.reject(new HeldFailure(message.fault));
    else waiting?.resolve(message.answer);
  }
}

function inWords({ code, message }: Fault): string {
  switch (code) {
    case "locked":
      return t("Your keys are locked on this device. Unlock them first.");
    case "way-refused":
      return t("That does not open your key. Check what you typed, or use another way.");
    case "wrong-envelope":
      return t("It does not open with your organisation's keys: it was altered, or sealed to earlier ones. Have the agent change the password.");
    case "kit-letters":
      return t("There is a character that no sheet holds. Sheets hold digits and capital letters, never U.");
    case "kit-length":
      return t("A sheet has 17 groups of four. Look whether one is missing or was typed twice.");
    case "kit-checksum":
    case "kit-version":
      return t("A character was mistyped somewhere. Compare group by group with the sheet.");
    case "kit-same":
      return t("Both are the same sheet. Type two different ones.");
    case "kit-sets":
    case "wrong-key":
      return t("These sheets belong to another kit.");
    case "missing-key":
      return t("You do not hold the keys of every camera yet. Somebody else who holds the organisation's keys has to do this.");
    case "unknown-signer":
      return t("No statement names this person's key. Compare its fingerprint with them first.");
    case "rolled-back":
    case "broken-statements":
    case "wrong-root-key":
      return t("The portal's statements do not hold: nothing was signed. {why}", { why: language === "en" ? message : code });
    case "worker":
      return t("This page's part that works with keys stopped. Load the page again.");
    default:
      return language === "en" ? message : t("The act on keys did not succeed ({code})", { code });
  }
}
