// A camera's password that only a holder's browser opens.
import { Desk } from "../held/desk";
import { sealedPassword } from "../held/password";

for (const place of document.querySelectorAll<HTMLElement>("[data-held-password]")) {
  const which = place.dataset["heldPassword"] === "spare" ? "spare" : "current";
  void Desk.open(place, sealedPassword(place.dataset["camera"] ?? "", which));
}
