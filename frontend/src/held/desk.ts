/** What both pages of keys work with: API, worker, what the portal last said, and saying what went wrong. */
import { h } from "../dom";
import { t } from "../i18n/t";
import { toast } from "../parts/toast";
import { LocalPins } from "../player/pins";
import { KeysApi, type KeysReply, type OwnKey } from "./api";
import { HeldWorker } from "./client";
import { NotDone } from "./fresh";
import type { Act, Chain, OwnRef } from "./messages";
import type { Owner } from "./own-key";
import { unlock } from "./unlock";

export class Desk {
  readonly api: KeysApi;
  readonly worker = new HeldWorker();
  private said!: KeysReply;

  private constructor(
    private readonly place: HTMLElement,
    private readonly draw: (desk: Desk) => Promise<readonly Node[]>,
  ) {
    this.api = new KeysApi({ tenant: document.querySelector<HTMLElement>("[data-frame]")?.dataset["tenant"] ?? "" });
  }

  /** Draws the page into `place`, and again after whatever changes. */
  static async open(place: HTMLElement, draw: (desk: Desk) => Promise<readonly Node[]>): Promise<void> {
    place.classList.add("people", "keys-page");
    place.replaceChildren(...[1, 2].map(skeleton));
    await new Desk(place, draw).refresh();
  }

  get keys(): KeysReply {
    return this.said;
  }

  get owner(): Owner {
    return { tenant: this.said.tenant, account: this.said.account };
  }

  /** Asks anew what the portal says, without drawing. */
  async reload(): Promise<void> {
    this.said = await this.api.keys();
  }

  async refresh(): Promise<void> {
    try {
      await this.reload();
      this.place.replaceChildren(...(await this.draw(this)));
    } catch (error) {
      this.place.replaceChildren(h("p", { class: "notice bad", role: "alert" }, sentence(error)));
    }
  }

  /** Runs an act of the page: what it raises becomes a toast; afterwards the page is drawn anew. */
  async run(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      toast(sentence(error), { stays: true });
    }
    await this.refresh();
  }

  isOpen(own: OwnKey): Promise<boolean> {
    return this.worker.call("unlocked", { owner: this.owner, publicKey: own.public });
  }

  /** The own key, open on this device; the person is asked where it is not. Raises NotDone. */
  async opened(): Promise<OwnRef> {
    const { own } = this.said;
    if (!own) throw new Error(t("You have no key of your own yet. Make one in your account, under “My keys”."));
    if (!(await this.isOpen(own)) && !(await unlock(this.owner, own, this.worker))) throw new NotDone();
    return { owner: this.owner, publicKey: own.public };
  }

  /** What acts with the vault begin with. Raises NotDone; an Error where this person is no holder. */
  async vaultAct(): Promise<Act> {
    const own = await this.opened();
    const { vault } = this.said;
    if (!vault?.sealed) throw new Error(t("Only who holds the organisation's keys can do that."));
    return { ...own, vault: { ...vault, sealed: vault.sealed } };
  }

  /** The statements, to be verified from the root this browser pinned; from the one offered where it never saw any. */
  async chain(): Promise<Chain> {
    const { root_fingerprint, statements } = await this.api.statements();
    const pin = new LocalPins().get(this.api.tenant);
    return { fingerprint: pin?.fingerprint ?? root_fingerprint, statements, seen: pin && { number: pin.number, hash: pin.hash } };
  }
}

/** The shape of a card that is coming. */
function skeleton(): HTMLElement {
  const lines = [1, 2, 3].map(() => h("div", { class: "skeleton" }));
  return h("section", { class: "card", "aria-hidden": "true" }, h("div", { class: "body skeleton-lines" }, ...lines));
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
