/** A new password's strength while it is typed. It is judged here; nothing typed leaves the page before the form is sent. */
export function strengthOfPasswords(): void {
  for (const input of document.querySelectorAll<HTMLInputElement>("input[data-strength]")) {
    // The lists of passwords people use are large: they come when somebody begins to choose one.
    input.addEventListener("focus", () => void import("./strength-meter").then(({ meter }) => meter(input)), { once: true });
  }
}
