// "Keys": who holds them, and what waits for whoever does.
import { Desk } from "../held/desk";
import { holderPage } from "../held/holder-page";

const place = document.querySelector<HTMLElement>("[data-held-keys]");
if (place) void Desk.open(place, holderPage());
