// Several cameras on one clock; the template carries the facts in data attributes.
import "../styles/player.css";
import "../styles/sync.css";
import { defineSync } from "../sync/element";

defineSync();
