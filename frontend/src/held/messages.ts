/**
 * What the page and the worker of own keys say to each other. The vault secret never crosses to the page, but for the sheets of the
 * recovery kit, which people are to print; private halves never do.
 */
import type { TrustInput } from "../keys/messages";
import type { ApiShare, ApiVault, ApiWay, CameraKeyName, NewWay, Offer, PeriodEnvelope, SealedPassword, StatementRequest, SwitchBody } from "./api";
import type { Owner } from "./own-key";

/** How an own key is to be opened: a stored way, and what opens it. */
export type Opener =
  | { readonly way: ApiWay & { readonly kind: "passphrase" }; readonly passphrase: string }
  | { readonly way: ApiWay & { readonly kind: "passkey" }; readonly prf: Uint8Array<ArrayBuffer> };

/** A way to be made. */
export type WayWish =
  | { readonly kind: "passphrase"; readonly label: string; readonly passphrase: string }
  | { readonly kind: "passkey"; readonly label: string; readonly prf: Uint8Array<ArrayBuffer>; readonly data: NewWay["data"] & { readonly credential_id: string } };

/** Whose key it is, and its public half (base64url). */
export interface OwnRef {
  readonly owner: Owner;
  readonly publicKey: string;
}

export type VaultRef = Pick<ApiVault, "id" | "recipient_public" | "root_public"> & { readonly sealed: string };

/** A new vault that only this page knows of: its secret is sealed to the maker's own key. */
export interface VaultDraft extends VaultRef, Kit {}

/** A recovery kit: its three sheets as they are printed, and what they have in common. */
export interface Kit {
  readonly sheets: readonly string[];
  readonly set: string;
}

export interface Act extends OwnRef {
  readonly vault: VaultRef;
}

/** The statements as they stand, from the root pinned in this browser. */
export type Chain = Pick<TrustInput, "fingerprint" | "statements" | "seen">;

/** A statement a holder makes of their own accord. */
export type Wish =
  | { readonly type: "members"; readonly named: readonly { readonly account: string; readonly public: string }[]; readonly ended: readonly string[] }
  | { readonly type: "cameras"; readonly keys: readonly CameraKeyName[] };

export interface Fault {
  /** `locked`, `way-refused`, `kit-…`, a name of SPEC section 10, or `other`. */
  readonly code: string;
  readonly message: string;
}

/** Calls of the page, by name: argument and answer. */
export interface HeldCalls {
  makeOwn: { argument: { owner: Owner; ways: readonly WayWish[] }; answer: { public: string; ways: NewWay[] } };
  unlock: { argument: OwnRef & { by: Opener }; answer: null };
  addWay: { argument: OwnRef & { by: Opener; way: WayWish }; answer: NewWay };
  unlocked: { argument: OwnRef; answer: boolean };
  lock: { argument: { owner: Owner }; answer: null };
  newVault: { argument: OwnRef; answer: VaultDraft };
  /** Another kit of the same vault. */
  newKit: { argument: Act; answer: Kit };
  checkKit: { argument: { sheets: readonly [string, string]; recipientPublic: string }; answer: null };
  /** The vault secret put together from two sheets, sealed to the own key. */
  fromKit: { argument: OwnRef & { sheets: readonly [string, string]; vault: Omit<VaultRef, "sealed"> }; answer: string };
  countersign: { argument: Act & { offer: Offer }; answer: string };
  switchBody: {
    argument: Act & { offer: Offer; handover: string; chain: Chain; cameras: readonly string[] };
    answer: Omit<SwitchBody, "kit_confirmed">;
  };
  sign: {
    argument: Act & { chain: Chain; nowUs: number; requests: readonly Pick<StatementRequest, "kind" | "body">[]; wishes: readonly Wish[] };
    answer: string[];
  };
  /** To the account's key as the statements name it, whatever the portal says it is. */
  cameraShares: { argument: Act & { chain: Chain; account: string; keys: readonly CameraKeyName[] }; answer: ApiShare[] };
  vaultShare: { argument: Act & { chain: Chain; account: string }; answer: string };
  /** As `switchBody`, where the root before is that of `act.vault`: it signs the handover itself. `shares`: one's own, which must hold every stated key. */
  renewBody: {
    argument: Act & { renewed: VaultRef; offer: Offer; chain: Chain; cameras: readonly string[]; shares: readonly ApiShare[] };
    answer: Omit<SwitchBody, "kit_confirmed">;
  };
  /** A camera's password that its agent sealed to the vault's recipient. */
  openPassword: { argument: Act & SealedPassword; answer: string };
  /** `shares`: one's own, for keys that follow from an earlier vault secret. */
  rewrap: {
    argument: Act & { shares: readonly ApiShare[]; camera: string; kind: 0 | 1; epoch: number; envelopes: readonly PeriodEnvelope[] };
    answer: { key_id: string; envelope: string }[];
  };
}

export type HeldCallName = keyof HeldCalls;

export type ToHeld = {
  readonly [N in HeldCallName]: { readonly id: number; readonly call: N; readonly argument: HeldCalls[N]["argument"] };
}[HeldCallName];

export type FromHeld =
  | { readonly id: number; readonly answer: HeldCalls[HeldCallName]["answer"] }
  | { readonly id: number; readonly fault: Fault }
  /** How far the slow part (opening by a passphrase) has come, 0 to 1. */
  | { readonly id: number; readonly progress: number };
