/** Typing a time to go to, opened and closed by the button that shows the time. */
import { h } from "../dom";
import { t } from "../i18n/t";
import { fieldValue, instantOf } from "../times";

export class TimeForm {
  readonly element = h("form", { class: "vp-goto", hidden: true });
  private readonly field = h("input", { type: "datetime-local", step: "1", required: true });

  /** `now`: the instant it opens with, `go`: what is done with the one that was typed, both UTC µs. */
  constructor(
    private readonly opener: HTMLElement,
    private readonly zone: string,
    private readonly now: () => number,
    private readonly go: (us: number) => void,
  ) {
    this.element.append(
      h("label", {}, h("span", {}, t("Time ({zone})", { zone })), this.field),
      h("button", { type: "submit", class: "button primary" }, t("Go")),
    );
    opener.addEventListener("click", () => this.toggle());
    this.element.addEventListener("submit", (event) => this.submit(event));
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  private toggle(): void {
    if (!this.element.hidden) return this.close();
    this.element.hidden = false;
    this.opener.setAttribute("aria-expanded", "true");
    this.field.value = fieldValue(this.now(), this.zone);
    this.field.focus();
  }

  private close(): void {
    this.element.hidden = true;
    this.opener.setAttribute("aria-expanded", "false");
    this.opener.focus();
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const us = instantOf(this.field.value, this.zone);
    if (us === null) return;
    this.close();
    this.go(us);
  }
}
