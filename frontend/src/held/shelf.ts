/** The browser's table of opened own keys: rows by "tenant/account". Small, since every page can sign out. */

const DATABASE = "vsaas-own-keys";
const TABLE = "keys";

/** Runs one request on the table and waits until it is written. Raises what the browser says where it keeps nothing. */
export async function within<T>(mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(TABLE, mode);
      const request = ask(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(request.result as T);
      transaction.onabort = () => reject(transaction.error ?? new DOMException("kept-nothing", "AbortError"));
    });
  } finally {
    database.close();
  }
}

/** Tells every page of this browser that own keys were locked: what workers hold of them goes too. */
export function sayLocked(): void {
  const channel = new BroadcastChannel(DATABASE);
  channel.postMessage("locked");
  channel.close();
}

/** Calls `lock` whenever own keys were locked in this browser. */
export function whenLocked(lock: () => void): void {
  new BroadcastChannel(DATABASE).onmessage = lock;
}

/** Forgets every key kept for an account here, whatever the tenant: a page that signs out knows no tenant's id. */
export async function forgetAccount(account: string): Promise<void> {
  const names = await within<IDBValidKey[]>("readonly", (table) => table.getAllKeys());
  for (const name of names) {
    if (typeof name === "string" && name.endsWith(`/${account}`)) await within("readwrite", (table) => table.delete(name));
  }
  sayLocked();
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException("kept-nothing", "AbortError"));
  });
}
