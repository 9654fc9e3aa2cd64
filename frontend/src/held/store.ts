/**
 * Where an opened own key is kept on this device: IndexedDB, as a CryptoKey that nothing can read back, until sign-out or "lock
 * now". One for each tenant and account. Pages and workers of this origin reach it alike.
 */
import type { Bytes } from "../sealing/bytes";
import { boxKeyId, type BoxKeys } from "../sealing/envelope";
import type { Owner } from "./own-key";

const DATABASE = "vsaas-own-keys";
const TABLE = "keys";

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

/** The stored key, or null; `publicBytes` tells whether it is still the one in use. */
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
  },
};

/** Forgets every key kept for an account here, whatever the tenant: used at sign-out, where no tenant's id is at hand. */
export async function forgetAccount(account: string): Promise<void> {
  const names = await within<IDBValidKey[]>("readonly", (table) => table.getAllKeys());
  for (const name of names) {
    if (typeof name === "string" && name.endsWith(`/${account}`)) await within("readwrite", (table) => table.delete(name));
  }
}


async function within<T>(mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(TABLE, mode);
      const request = ask(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(request.result as T);
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser keeps nothing here"));
    });
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing here"));
  });
}
