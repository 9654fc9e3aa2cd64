// One camera: the player element, whose template carries the facts in data attributes; and its state, kept current.
import "../styles/player.css";
import { Api, ApiError } from "../api/client";
import { definePlayer } from "../player/element";
import { REFRESH_MS, showState } from "./states";

definePlayer();

const player = document.querySelector<HTMLElement>("vsaas-player");
if (player) {
  const api = new Api({ tenant: player.dataset["tenant"] ?? "" });
  const refresh = async (): Promise<void> => {
    try {
      if (document.hidden) return;
      const camera = (await api.cameras()).find(({ id }) => id === player.dataset["camera"]);
      if (camera) showState(document, camera.state);
    } catch (error) {
      // The player itself says when the portal is away or the session is over.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      setTimeout(() => void refresh(), REFRESH_MS);
    }
  };
  setTimeout(() => void refresh(), REFRESH_MS);
}
