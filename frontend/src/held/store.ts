/**
 * Where an opened own key is kept on this device: IndexedDB, as a CryptoKey that nothing can read back, until sign-out or "lock
 * now". One for each tenant and account. Pages and workers of this origin reach it alike.
 */
import type { Bytes } from "../sealing/bytes";
import { boxKeyId, type BoxKeys } from "../sealing/envelope";
import type { Owner } from "./own-key";
import { sayLocked, within } from "./shelf";

interface Row {
  readonly pair: CryptoKeyPair;
  readonly publicBytes: Bytes;
}

export interface OwnStore {
  get(owner: Owner): Promise<BoxKeys | null>;
  put(owner: Owner, keys: BoxKeys): Promise<void>;
  remove(owner: Owner): Promise<void>;
}

function place(owner: Owner): string {
  return `${owner.tenant}/${owner.account}`;
}

export const ownStore: OwnStore = {
  async get(owner) {
    const row = await within<Row | undefined>("readonly", (table) => table.get(place(owner)));
    return row ? { ...row, kid: await boxKeyId(row.publicBytes) } : null;
  },
  async put(owner, { pair, publicBytes }) {
    await within("readwrite", (table) => table.put({ pair, publicBytes } satisfies Row, place(owner)));
  },
  async remove(owner) {
    await within("readwrite", (table) => table.delete(place(owner)));
    sayLocked();
  },
};
