/** Passkeys: a button has one answer in place of a code; the page that adds one has the browser make it. Both then send their form. */
import { t } from "../i18n/t";
import { toast } from "./toast";

const PLACES = "[data-passkey]";

function known(): boolean {
  return typeof PublicKeyCredential === "function" && typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function";
}

export function passkeys(): void {
  const making = document.querySelector<HTMLFormElement>("form[data-new-passkey]");
  if (!known()) {
    for (const note of making?.querySelectorAll<HTMLElement>("[data-passkey-missing]") ?? []) note.hidden = false;
    return;
  }
  show();
  document.addEventListener("vsaas:fresh", show);
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest(`${PLACES} button`) : null;
    const place = button?.closest<HTMLElement>(PLACES);
    if (place) void answered(() => answerFor(place));
  });
  making?.addEventListener("submit", (event) => {
    const answer = making.elements.namedItem("answer") as HTMLInputElement;
    if (answer.value) return;
    event.preventDefault();
    event.stopPropagation();
    void answered(() => make(making, answer));
  });
}

function show(): void {
  for (const place of document.querySelectorAll<HTMLElement>(PLACES)) place.hidden = false;
}

/** Whatever the person or the authenticator declines leaves the page as it was, with a word about it. */
async function answered(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DOMException) {
      toast(error.name === "InvalidStateError" ? t("This device keeps a passkey of yours already.") : t("No passkey was used. Try again, or use a code."));
    } else if (error instanceof TypeError) {
      toast(t("The portal does not answer. Try again."));
    } else {
      throw error;
    }
  }
}

async function answerFor(place: HTMLElement): Promise<void> {
  const field = document.getElementById(place.dataset["field"] ?? "");
  if (!(field instanceof HTMLInputElement) || !field.form) return;
  const form = field.form;
  const token = form.elements.namedItem("csrfmiddlewaretoken") as HTMLInputElement;
  const reply = await fetch(place.dataset["passkey"] ?? "", {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": token.value },
    credentials: "same-origin",
    body: new URLSearchParams({ covers: place.dataset["covers"] ?? "" }),
  });
  if (!reply.ok) {
    toast(t("Passkeys cannot be asked for just now. Load the page again."));
    return;
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await reply.json());
  const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential | null;
  if (!credential) return;
  // Beside the field, not in it: what a passkey answers is nothing to read.
  const answer = document.createElement("input");
  answer.type = "hidden";
  answer.name = field.name;
  answer.value = JSON.stringify(credential.toJSON());
  field.disabled = true;
  form.append(answer);
  form.noValidate = place.dataset["alone"] !== undefined;
  if (form.noValidate || form.reportValidity()) form.requestSubmit();
  if (form.dataset["busy"] !== undefined) return;
  answer.remove(); // something else of the form is missing
  field.disabled = false;
}

async function make(form: HTMLFormElement, answer: HTMLInputElement): Promise<void> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(form.dataset["newPasskey"] ?? "{}"));
  const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential | null;
  if (!credential) return;
  answer.value = JSON.stringify(credential.toJSON());
  form.requestSubmit();
}
