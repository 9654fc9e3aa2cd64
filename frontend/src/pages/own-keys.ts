// "My keys", in one's account.
import { Desk } from "../held/desk";
import { drawOwnKeys } from "../held/own-page";

const place = document.querySelector<HTMLElement>("[data-own-keys]");
if (place) void Desk.open(place, drawOwnKeys);
