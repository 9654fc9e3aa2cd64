// All cameras: the wall.
import "../styles/wall.css";
import { Api } from "../api/client";
import { Wall } from "../wall/wall";

for (const room of document.querySelectorAll<HTMLElement>("[data-wall]")) {
  new Wall(room, new Api({ tenant: room.dataset["tenant"] ?? "" }));
}
