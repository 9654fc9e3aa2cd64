/** What of the wall stands in the address, and what this browser remembers of it. */
import type { LayoutName } from "../api/types";
import { LAYOUTS } from "./layout";

export interface Place {
  readonly view: string | null;
  readonly layout: LayoutName | null;
  /** The site switcher's, which the portal reads; kept as it came. */
  readonly site: string;
  readonly text: string;
  /** Counted from 0. */
  readonly page: number;
  /** The camera that is enlarged. */
  readonly camera: string | null;
}

export function readPlace(search: string): Place {
  const query = new URLSearchParams(search);
  const page = Number(query.get("page") ?? 1);
  return {
    view: query.get("view"),
    layout: layoutOf(query.get("layout")),
    site: query.get("site") ?? "",
    text: query.get("q") ?? "",
    page: Number.isInteger(page) && page > 0 ? page - 1 : 0,
    camera: query.get("camera"),
  };
}

/** The address's query of a place, "" for the wall as it comes. */
export function writePlace(place: Place): string {
  const query = new URLSearchParams();
  if (place.view) query.set("view", place.view);
  if (place.layout) query.set("layout", place.layout);
  if (place.site) query.set("site", place.site);
  if (place.text) query.set("q", place.text);
  if (place.page > 0) query.set("page", String(place.page + 1));
  if (place.camera) query.set("camera", place.camera);
  const text = query.toString();
  return text && `?${text}`;
}

function layoutOf(text: string | null): LayoutName | null {
  return LAYOUTS.find((name) => name === text) ?? null;
}

export interface Remembered {
  readonly layout: LayoutName;
  readonly order: readonly string[];
}

/** How this account last arranged all cameras in this browser. */
export class Memory {
  private readonly key: string;

  constructor(
    tenant: string,
    account: string,
    private readonly storage: Storage = localStorage,
  ) {
    this.key = `vsaas-wall/${tenant}/${account}`;
  }

  read(): Remembered {
    const nothing: Remembered = { layout: "auto", order: [] };
    const text = this.storage.getItem(this.key);
    if (text === null) return nothing;
    try {
      const value = JSON.parse(text) as Partial<Remembered>;
      const order = Array.isArray(value.order) ? value.order.filter((id) => typeof id === "string") : [];
      return { layout: layoutOf(value.layout ?? null) ?? "auto", order };
    } catch {
      return nothing; // written by something else: the wall as it comes
    }
  }

  write(value: Remembered): void {
    this.storage.setItem(this.key, JSON.stringify(value));
  }
}
