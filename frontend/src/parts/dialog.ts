/**
 * Dialogs: `<button data-dialog="#id">` opens the `<dialog>` of that id, `<button data-close>` inside closes it. The
 * element itself keeps the focus inside, closes with Escape and gives the focus back to the button.
 *
 * `<input data-must-equal="Gate 2">` holds the dialog's submit button until that is typed.
 */
export function dialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const opener = target.closest<HTMLElement>("[data-dialog]");
    if (opener) document.querySelector<HTMLDialogElement>(`dialog${opener.dataset["dialog"] ?? ""}`)?.showModal();
    if (target.closest("[data-close]")) target.closest("dialog")?.close();
    // The backdrop belongs to the dialog element; its content does not fill a click there.
    if (target instanceof HTMLDialogElement && target.matches(".dialog") && outside(target, event)) target.close();
  });
  document.addEventListener("input", (event) => {
    const input = event.target as HTMLInputElement;
    if (input.dataset?.["mustEqual"] === undefined) return;
    const submit = input.form?.querySelector("[type=submit]");
    if (typed(input)) submit?.removeAttribute("aria-disabled");
    else submit?.setAttribute("aria-disabled", "true");
  });
  document.addEventListener(
    "submit",
    (event) => {
      const input = (event.target as HTMLFormElement).querySelector<HTMLInputElement>("[data-must-equal]");
      if (!input || typed(input)) return;
      event.preventDefault();
      input.focus();
    },
    { capture: true },
  );
}

function typed(input: HTMLInputElement): boolean {
  return input.value.trim() === input.dataset["mustEqual"]?.trim();
}

function outside(dialog: HTMLDialogElement, event: MouseEvent): boolean {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
