/** Dialogs that ask for something and act on it: what fails is said in the dialog, and what was typed stays. */
import { h } from "../dom";
import { t } from "../i18n/t";

export interface Question<T> {
  readonly title: string;
  readonly text?: string;
  readonly content: readonly Node[];
  readonly submit: string;
  /** Does what was asked for; whatever it raises is shown, and the dialog stays. `progress`: how far it has come, 0 to 1. */
  readonly act: (progress: (part: number) => void) => Promise<T>;
  /** Another way to the same, offered above the content. */
  readonly first?: { readonly label: string; readonly act: () => Promise<T> };
  readonly danger?: boolean;
}

let count = 0;

/** What the act gave, or null where the person closed the dialog. */
export function ask<T>(question: Question<T>): Promise<T | null> {
  return new Promise((resolve) => {
    const id = `ask-${++count}`;
    const error = h("p", { class: "error-said", role: "alert" });
    const bar = h("progress", { max: "1", "aria-label": t("Working") });
    bar.hidden = true;
    const submit = h("button", { type: "submit", class: `button ${question.danger ? "danger" : question.first ? "" : "primary"}` }, question.submit);
    const cancel = h("button", { type: "button", class: "button" }, t("Cancel"));
    const { first } = question;
    const other = first ? h("button", { type: "button", class: "button primary" }, first.label) : null;
    if (first) other?.addEventListener("click", () => void run(first.act));
    const buttons = [submit, ...(other ? [other] : [])];
    const form = h(
      "form",
      { class: "form", method: "dialog" },
      h("h2", { id: `${id}-title` }, question.title),
      ...(question.text ? [h("p", {}, question.text)] : []),
      other,
      other ? h("p", { class: "ask-or" }, t("or")) : null,
      ...question.content,
      h("div", { class: "progress" }, bar),
      error,
      h("div", { class: "acts" }, cancel, submit),
    );
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": `${id}-title` }, form);
    let answer: T | null = null;
    let busy = false;

    async function run(act: () => Promise<T>): Promise<void> {
      if (busy) return;
      busy = true;
      error.textContent = "";
      for (const button of buttons) button.setAttribute("aria-disabled", "true");
      try {
        answer = await act();
        dialog.close();
      } catch (problem) {
        error.textContent = problem instanceof Error ? problem.message : String(problem);
      } finally {
        busy = false;
        bar.hidden = true;
        for (const button of buttons) button.removeAttribute("aria-disabled");
      }
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void run(() =>
        question.act((part) => {
          bar.hidden = false;
          bar.value = part;
        }),
      );
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    (other ?? form.querySelector<HTMLElement>("input, textarea"))?.focus();
  });
}

/** A labelled input of a form of this page. */
export function field(label: string, attributes: Readonly<Record<string, string | boolean>>, hint?: string): { readonly box: HTMLElement; readonly input: HTMLInputElement } {
  const id = `field-${++count}`;
  const input = h("input", { id, ...attributes, ...(hint ? { "aria-describedby": `${id}-hint` } : {}) });
  const box = h("div", { class: "field" }, h("label", { for: id }, label), input, hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null);
  return { box, input };
}
