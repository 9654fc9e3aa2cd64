/** What this page knows of the person's keys: one for all players of a page. Loaded when something comes that takes an own key. */
import { h, sprite } from "../dom";
import { t } from "../i18n/t";
import { WorkerFailure } from "../keys/failure";
import type { HoldingsInput } from "../keys/messages";
import { KeysApi, type KeysReply } from "./api";
import { HeldWorker } from "./client";
import { unlock } from "./unlock";

/** So long a list of shares counts as new: one that lacks a camera is not asked for again before. */
const FRESH_MS = 15_000;

export class Keyring {
  private readonly worker = new HeldWorker();
  private reply: Promise<KeysReply> | null = null;
  private askedAt = -Infinity;
  private opening: Promise<void> | null = null;

  constructor(private readonly api: KeysApi) {}

  /**
   * The person's shares, their own key being open on this device: else they are asked to unlock it, and this waits until they did.
   * `anew`: a camera's share was missing from the last list. Raises ApiError; WorkerFailure `unshared` where they have no own key.
   */
  async holdings(anew: boolean): Promise<HoldingsInput> {
    if (!this.reply || (anew && performance.now() - this.askedAt > FRESH_MS)) {
      this.askedAt = performance.now();
      this.reply = this.api.keys();
      this.reply.catch(() => (this.reply = null));
    }
    const { tenant, account, own, shares } = await this.reply;
    if (!own) throw new WorkerFailure({ kind: "unshared", code: "no-own-key", message: t("You have no key of your own yet. Make one in your account, under “My keys”.") });
    const owner = { tenant, account };
    while (!(await this.worker.call("unlocked", { owner, publicKey: own.public }))) {
      this.opening ??= this.open(await this.reply).finally(() => (this.opening = null));
      await this.opening;
    }
    return { owner, publicKey: own.public, shares };
  }

  /** Asks until the key is open. Declined, a bar stays from which the question is asked again: the page stays where it is. */
  private async open({ tenant, account, own }: KeysReply): Promise<void> {
    if (!own) return;
    while (!(await unlock({ tenant, account }, own, this.worker))) await again();
  }
}

/** Resolves when the person wants to unlock after all. */
function again(): Promise<void> {
  return new Promise((resolve) => {
    const button = h("button", { type: "button", class: "button primary" }, t("Unlock"));
    const bar = h(
      "div",
      { class: "keys-bar", role: "status" },
      sprite("key"),
      h("p", {}, t("Your keys are locked: pictures stay closed.")),
      button,
    );
    button.addEventListener("click", () => {
      bar.remove();
      resolve();
    });
    document.body.append(bar);
  });
}

let keyring: Keyring | null = null;

/** The page's own. */
export function theKeyring(): Keyring {
  const tenant = document.querySelector<HTMLElement>("[data-tenant]")?.dataset["tenant"] ?? "";
  keyring ??= new Keyring(new KeysApi({ tenant }));
  return keyring;
}
