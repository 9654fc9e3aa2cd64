/** A short word at the foot of the wall, with one thing to do about it. */
import { h } from "../dom";

const STAYS_MS = 8000;

export class Toast {
  private readonly element = h("div", { class: "wall-toast", role: "status", hidden: true });
  private timer = 0;

  constructor(room: HTMLElement) {
    room.append(this.element);
    // It stays while it is being read or reached for.
    for (const type of ["pointerenter", "focusin"]) this.element.addEventListener(type, () => clearTimeout(this.timer));
    for (const type of ["pointerleave", "focusout"]) this.element.addEventListener(type, () => this.later());
  }

  show(text: string, action?: { readonly label: string; run(): void }): void {
    const button = action ? h("button", { type: "button", class: "button quiet" }, action.label) : null;
    button?.addEventListener("click", () => {
      this.element.hidden = true;
      action?.run();
    });
    this.element.replaceChildren(h("span", {}, text), ...(button ? [button] : []));
    this.element.hidden = false;
    this.later();
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => (this.element.hidden = true), STAYS_MS);
  }
}
