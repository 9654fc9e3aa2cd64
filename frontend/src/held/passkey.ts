/** Passkeys that open an own key: the `prf` extension of WebAuthn gives 32 bytes only this passkey can give. On the page: workers cannot ask. */
import { t } from "../i18n/t";
import { fromBase64Url, toBase64Url, type Bytes } from "../sealing/bytes";
import type { ApiWay, PasskeyData } from "./api";
import type { Opener } from "./messages";
import { PRF_SALT_BYTES } from "./own-key";

export type PasskeyWay = ApiWay & { readonly kind: "passkey" };

/** The passkey cannot be used for this, or none was; the message says what to do. */
export class PasskeyRefused extends Error {
  override readonly name = "PasskeyRefused";
}

/** Whether this browser knows passkeys at all; of the authenticator, only making one tells. */
export function passkeysKnown(): boolean {
  return typeof PublicKeyCredential === "function";
}

/** Makes a passkey for opening keys alone: it is none to sign in with. Raises PasskeyRefused. */
export async function makePasskey(name: string, known: readonly PasskeyWay[]): Promise<{ prf: Bytes; data: PasskeyData }> {
  const salt = random(PRF_SALT_BYTES);
  const credential = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: location.hostname },
        // A user id of its own: under the account's, it would take the place of the passkey one signs in with.
        user: { id: random(16), name, displayName: name },
        challenge: random(32),
        pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key" as const, alg })),
        authenticatorSelection: { residentKey: "discouraged", userVerification: "required" },
        excludeCredentials: known.map(({ data }) => descriptor(data)),
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const { prf } = credential.getClientExtensionResults();
  if (!prf?.enabled) {
    throw new PasskeyRefused(t("This passkey cannot open keys: its maker left that out. Use another device or security key, or a passphrase."));
  }
  const data = { credential_id: toBase64Url(new Uint8Array(credential.rawId)), salt: toBase64Url(salt) };
  // Some give the bytes only when they are asked a second time.
  return { data, prf: prf.results ? bytes(prf.results.first) : (await usePasskey([data])).prf };
}

/** Asks for one of the passkeys. Raises PasskeyRefused. */
export async function openByPasskey(ways: readonly PasskeyWay[]): Promise<Opener> {
  const { id, prf } = await usePasskey(ways.map(({ data }) => data));
  const way = ways.find(({ data }) => data.credential_id === id);
  if (!way) throw new PasskeyRefused(t("That passkey is none of yours here. Use another one."));
  return { way, prf };
}

async function usePasskey(known: readonly PasskeyData[]): Promise<{ id: string; prf: Bytes }> {
  const salts = known.map(({ credential_id, salt }) => [credential_id, { first: fromBase64Url(salt) }] as const);
  const credential = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: random(32),
        userVerification: "required",
        allowCredentials: known.map(descriptor),
        extensions: { prf: { evalByCredential: Object.fromEntries(salts) } },
      },
    }),
  );
  const results = credential.getClientExtensionResults().prf?.results;
  if (!results) throw new PasskeyRefused(t("This browser or passkey gave no key. Use another way."));
  return { id: toBase64Url(new Uint8Array(credential.rawId)), prf: bytes(results.first) };
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let credential: Credential | null;
  try {
    credential = await ask();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    if (error.name === "InvalidStateError") throw new PasskeyRefused(t("This device opens your keys already."));
    throw new PasskeyRefused(t("No passkey was used. Try again, or use another way."));
  }
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyRefused(t("No passkey was used. Try again, or use another way."));
  return credential;
}

function descriptor({ credential_id }: PasskeyData): PublicKeyCredentialDescriptor {
  return { type: "public-key", id: fromBase64Url(credential_id) };
}

function random(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

function bytes(source: BufferSource): Bytes {
  return source instanceof ArrayBuffer ? new Uint8Array(source.slice(0)) : new Uint8Array(source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength) as ArrayBuffer);
}
