/** What this browser remembers of a tenant's root: pinned at first use, compared ever after. */
export interface Pin {
  readonly fingerprint: string;
  readonly number: number;
  readonly hash: string;
  readonly sinceMs: number;
}

export interface PinStore {
  get(tenant: string): Pin | null;
  set(tenant: string, pin: Pin): void;
  remove(tenant: string): void;
}

function isPin(value: unknown): value is Pin {
  const pin = value as Partial<Pin> | null;
  return (
    typeof pin?.fingerprint === "string" &&
    /^[0-9a-f]{64}$/.test(pin.fingerprint) &&
    typeof pin.number === "number" &&
    typeof pin.hash === "string" &&
    typeof pin.sinceMs === "number"
  );
}

/** Pins in localStorage, by the tenant's slug on this origin. A pin that cannot be read counts as a changed root, not as none. */
export class LocalPins implements PinStore {
  constructor(private readonly storage: Storage = localStorage) {}

  get(tenant: string): Pin | null {
    const text = this.storage.getItem(this.key(tenant));
    if (text === null) return null;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = null;
    }
    return isPin(value) ? value : { fingerprint: "unreadable", number: 0, hash: "", sinceMs: 0 };
  }

  set(tenant: string, pin: Pin): void {
    this.storage.setItem(this.key(tenant), JSON.stringify(pin));
  }

  remove(tenant: string): void {
    this.storage.removeItem(this.key(tenant));
  }

  private key(tenant: string): string {
    return `vsaas-root/${tenant}`;
  }
}

/** 64 hex digits in groups of 4, as people compare them. */
export function showFingerprint(fingerprint: string): string {
  return fingerprint.match(/.{1,4}/g)?.join(" ") ?? "";
}
