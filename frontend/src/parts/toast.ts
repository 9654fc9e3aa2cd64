/**
 * A short word at the edge of the screen about what was just done, with a way to take it back. It leaves by itself, but
 * not while the pointer or the focus is on it.
 *
 * Pages may carry one in their reply: `<div data-toast="Camera disabled" data-undo="#form-id">`; its undo button submits
 * that form.
 */
import { h, sprite } from "../dom";
import { WORDS } from "../frame/words";

const STAYS_MS = 10_000;

export interface ToastOptions {
  /** What the button says; with `act`. */
  readonly label?: string;
  readonly act?: () => void;
  /** Stays until it is answered or closed. */
  readonly stays?: boolean;
}

export function toast(text: string, options: ToastOptions = {}): () => void {
  const place = document.querySelector<HTMLElement>("[data-toasts]");
  if (!place) return () => undefined;
  const close = h("button", { type: "button", class: "button quiet", "aria-label": WORDS.close }, sprite("close", "icon icon-s"));
  const act = options.act ? h("button", { type: "button", class: "button" }, options.label ?? WORDS.undo) : null;
  const element = h("div", { class: "toast" }, h("p", {}, text), act, close);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = (): void => {
    clearTimeout(timer);
    element.remove();
  };
  const wait = (): void => {
    clearTimeout(timer);
    if (!options.stays) timer = setTimeout(leave, STAYS_MS);
  };
  close.addEventListener("click", leave);
  act?.addEventListener("click", () => {
    leave();
    options.act?.();
  });
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, wait);
  place.append(element);
  wait();
  return leave;
}

export function servedToasts(): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-toast]")) {
    const form = document.querySelector<HTMLFormElement>(element.dataset["undo"] ?? "form.no-such");
    toast(element.dataset["toast"] ?? "", form ? { act: () => form.requestSubmit() } : {});
    element.remove();
  }
}
