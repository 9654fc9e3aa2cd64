/** The badge on the picture: what is known of it, and on request what that means. */
import { h, icon } from "../dom";
import { t } from "../i18n/t";
import type { TrustState } from "./player";
import { showFingerprint } from "./pins";

type Tone = "ok" | "bad" | "info";

interface Words {
  readonly tone: Tone;
  readonly icon: Parameters<typeof icon>[0];
  readonly label: string;
  readonly means: readonly string[];
}

const LIMITS = t("It means unchanged since the agent recorded it, not that the camera saw everything.");

const WORDS: Record<Exclude<TrustState, "none">, Words> = {
  verified: {
    tone: "ok",
    icon: "ok",
    label: t("Verified"),
    means: [
      t("Every byte was checked before it was opened: against its hash in a record the agent signed, and the agent's key against your organisation's root key."),
      LIMITS,
    ],
  },
  opened: {
    tone: "info",
    icon: "open",
    label: t("Opened"),
    means: [
      t("It was decrypted here and fits the record that came with it."),
      t("It is not called verified, because your organisation's root key has not vouched for its signer: the statements that say so are not here yet, or could not be fetched."),
    ],
  },
  altered: {
    tone: "bad",
    icon: "bad",
    label: t("Altered"),
    means: [t("What is stored is not what the agent recorded and signed. Nothing from this second on is shown. Footage before and after it can still be played.")],
  },
  alarm: {
    tone: "bad",
    icon: "warn",
    label: t("Not trusted"),
    means: [t("The root key the portal shows is not the one this browser knows, so nothing is played until somebody compares it.")],
  },
};

/** A live picture is vouched for once a second, so it is opened first and verified a moment later. */
const LIVE_OPENED = [
  t("It was decrypted here as it came from the agent."),
  t("The agent signs its live pictures once a second. It is called verified as soon as a signature covers them and your organisation's root key vouches for the agent."),
];

const ADOPTED = t("It came later, off the disk of a box that was replaced. The signatures are that box's own; the box that took its place only brought it.");

export class TrustBadge {
  readonly element = h("div", { class: "vp-trusts" });
  private readonly button = h("button", {
    type: "button",
    class: "vp-badge",
    "data-badge": "",
    hidden: true,
    "aria-expanded": "false",
    "aria-controls": "vp-explain",
  });
  private readonly panel = h("div", { class: "vp-explain", id: "vp-explain", role: "region", "aria-label": t("What is known of this picture"), hidden: true });
  private told = "";

  constructor(private readonly root: () => string | null) {
    this.element.append(this.button, this.panel);
    this.button.addEventListener("click", () => this.open(this.panel.hidden !== false));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.panel.hidden) return;
      event.stopPropagation();
      this.open(false);
      this.button.focus();
    });
  }

  /** A click or focus elsewhere closes the explanation. */
  closeUnless(target: EventTarget | null): void {
    if (!this.panel.hidden && !(target instanceof Node && this.element.contains(target))) this.open(false);
  }

  /** `adopted`: the picture came off the disk of a box that was replaced. */
  show(trust: TrustState, live: boolean, adopted = false): void {
    const key = `${trust}/${live}/${adopted}`;
    if (key === this.told) return;
    this.told = key;
    this.button.hidden = trust === "none";
    if (trust === "none") {
      this.open(false);
      this.button.replaceChildren();
      return;
    }
    const words = WORDS[trust];
    this.button.dataset["trust"] = trust;
    this.button.dataset["tone"] = words.tone;
    this.button.replaceChildren(icon(words.icon), words.label);
    const means = trust === "opened" && live ? LIVE_OPENED : words.means;
    this.fill(words, adopted ? [...means, ADOPTED] : means);
  }

  private fill({ tone, icon: name, label }: Words, means: readonly string[]): void {
    const root = this.root();
    this.panel.dataset["tone"] = tone;
    this.panel.replaceChildren(
      h("h2", {}, icon(name), label),
      ...means.map((text) => h("p", {}, text)),
      root ? h("p", {}, `${t("Root key:")} `, h("span", { class: "vp-print" }, showFingerprint(root))) : "",
    );
  }

  private open(open: boolean): void {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }
}
