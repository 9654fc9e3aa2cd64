/** The portal's side of customer-held keys (docs/api.md). Kinds: 0 picture, 1 sound; "public" and sealed things base64url. */
import { Api } from "../api/client";
import type { KeyKind } from "./derive";

export type Mode = "managed" | "switching" | "customer-held";

export interface PasskeyData {
  readonly credential_id: string;
  readonly salt: string;
}

export interface PassphraseData {
  readonly salt: string;
  readonly m_kib: number;
  readonly t: number;
  readonly p: number;
}

/** A way to be kept: what opens the own key, and the key wrapped under it. */
export type NewWay = { readonly label: string; readonly wrapped: string } & (
  | { readonly kind: "passkey"; readonly data: PasskeyData }
  | { readonly kind: "passphrase"; readonly data: PassphraseData }
);

export type ApiWay = NewWay & { readonly id: string; readonly created_us: number };

export interface OwnKey {
  readonly public: string;
  readonly kid: string;
  /** Whether a statement names it for this account. */
  readonly stated: boolean;
  readonly ways: readonly ApiWay[];
}

export interface ApiShare {
  readonly camera: string;
  readonly kind: KeyKind;
  readonly epoch: number;
  readonly sealed: string;
}

export type CameraKeyName = Omit<ApiShare, "sealed">;

export interface ApiVault {
  readonly id: string;
  readonly root_public: string;
  readonly recipient_public: string;
  readonly created_us: number;
  /** Somebody who knew the vault secret holds it no more. */
  readonly renew: boolean;
  readonly holders: readonly { readonly account: string; readonly name: string; readonly own_public: string }[];
  /** V sealed to whoever asks; null for who is no holder. */
  readonly sealed: string | null;
}

export interface KeysReply {
  readonly mode: Mode;
  readonly tenant: string;
  readonly account: string;
  readonly root_fingerprint: string;
  readonly own: OwnKey | null;
  readonly vault: ApiVault | null;
  readonly shares: readonly ApiShare[];
  readonly rewrap: { readonly done: number; readonly of: number } | null;
  readonly waiting: { readonly statements: number; readonly members: number; readonly cameras: number; readonly roll: number };
  readonly may: { readonly hold: boolean };
}

export interface Offer {
  readonly number: number;
  readonly prev: string;
  readonly issued_us: number;
}

export interface StatementRequest {
  readonly id: string;
  readonly kind: number;
  readonly body: string;
  readonly about: string;
  readonly asked_by: string;
  readonly asked_us: number;
}

export interface KeyPerson {
  readonly account: string;
  readonly name: string;
  readonly public: string | null;
  readonly kid: string | null;
  readonly fingerprint: string | null;
  readonly stated: boolean;
  readonly missing: readonly CameraKeyName[];
  readonly excess: number;
  readonly holder: boolean;
  /** How many ways their key has; a holder has two. */
  readonly ways: number;
  readonly may_hold: boolean;
}

export interface Roll {
  readonly camera: string;
  readonly name: string;
  readonly kind: KeyKind;
  /** Of the newest stated key; 0: there is none. */
  readonly epoch: number;
  /** How many people know it who may no longer. */
  readonly known: number;
  /** Key periods sealed to an earlier key, or to the vault's recipient. */
  readonly rewrap: number;
}

export interface HeldCamera {
  readonly camera: string;
  readonly name: string;
  /** Of the newest keys of picture and sound. */
  readonly epochs: readonly (number | null)[];
}

export interface PeriodEnvelope {
  readonly key_id: string;
  readonly class: number;
  readonly period_start_us: number;
  readonly recipient: string;
  readonly epoch: number;
  readonly sealed: string;
}

/** A camera's password, sealed to the organisation's own recipient. */
export interface SealedPassword {
  readonly camera: string;
  readonly change: string;
  readonly sealed: string;
}

export interface SwitchBody {
  readonly vault: string;
  readonly root_public: string;
  readonly recipient_public: string;
  readonly sealed: string;
  readonly statements: readonly string[];
  readonly shares: readonly ApiShare[];
  readonly kit_confirmed: true;
}

type Items<T> = { readonly items: readonly T[] };

export class KeysApi extends Api {
  /** Gives the second factor again. */
  freshen(code: string): Promise<unknown> {
    return this.call("POST", "/account/freshness", { code });
  }

  keys(signal?: AbortSignal): Promise<KeysReply> {
    return this.call("GET", "/keys", undefined, signal);
  }

  /** Makes one's own key, or a new one in place of a lost one. */
  makeOwn(body: { public: string; ways: readonly NewWay[] }): Promise<unknown> {
    return this.call("POST", "/keys/own", body);
  }

  addWay(way: NewWay): Promise<unknown> {
    return this.call("POST", "/keys/own/ways", way);
  }

  removeWay(id: string): Promise<unknown> {
    return this.call("DELETE", `/keys/own/ways/${id}`, null);
  }

  offer(): Promise<Offer> {
    return this.call("GET", "/keys/held/offer", undefined);
  }

  /** The statement that hands the root over, signed by the portal and not stored. */
  handover(body: Offer & { root_public: string; countersignature: string }): Promise<{ readonly handover: string }> {
    return this.call("POST", "/keys/held/handover", body);
  }

  async heldCameras(): Promise<readonly HeldCamera[]> {
    return (await this.call<Items<HeldCamera>>("GET", "/keys/held/cameras", undefined)).items;
  }

  hold(body: SwitchBody): Promise<unknown> {
    return this.call("POST", "/keys/held", body);
  }

  statementRequests(): Promise<Items<StatementRequest> & { readonly next: { readonly number: number; readonly prev: string } }> {
    return this.call("GET", "/keys/statement-requests", undefined);
  }

  state(body: { signed: readonly string[]; requests: readonly string[] }): Promise<unknown> {
    return this.call("POST", "/keys/statements", body);
  }

  async people(): Promise<readonly KeyPerson[]> {
    return (await this.call<Items<KeyPerson>>("GET", "/keys/people", undefined)).items;
  }

  share(account: string, shares: readonly ApiShare[]): Promise<unknown> {
    return this.call("POST", `/keys/people/${account}/shares`, { shares });
  }

  shareVault(account: string, sealed: string): Promise<unknown> {
    return this.call("POST", `/keys/people/${account}/vault`, { sealed });
  }

  /** Ends that somebody holds the vault: it is to be renewed then. */
  endHolder(account: string): Promise<unknown> {
    return this.call("DELETE", `/keys/people/${account}/vault`, null);
  }

  /** Whichever the portal has: the password, or what a holder opens. Written down as looked at. */
  password(camera: string, which: "current" | "spare"): Promise<{ readonly password: string | null; readonly sealed: SealedPassword | null }> {
    return this.call("POST", `/cameras/${camera}/password/revealing`, { which });
  }

  async rolls(): Promise<readonly Roll[]> {
    return (await this.call<Items<Roll>>("GET", "/keys/rolls", undefined)).items;
  }

  envelopes(camera: string, kind: KeyKind, belowEpoch: number, cursor: string | null): Promise<Items<PeriodEnvelope> & { readonly next: string | null }> {
    const search = new URLSearchParams({ camera, kind: String(kind), below_epoch: String(belowEpoch) });
    if (cursor) search.set("cursor", cursor);
    return this.call("GET", `/keys/envelopes?${search}`, undefined);
  }

  rewrapped(items: readonly { readonly key_id: string; readonly envelope: string }[]): Promise<unknown> {
    return this.call("POST", "/keys/envelopes", { items });
  }
}
