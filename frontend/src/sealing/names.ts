/** Names of stored objects (SPEC 2.4), derived by every reader. */
import { hex, type Bytes } from "./bytes";
import { SealingError } from "./errors";
import { MAIN } from "./registry";

/** Raises `bad-field` for a time no object name can hold. `startUs` may be a bigint: times reach the year 9999. */
export function objectName(tenant: Bytes, camera: Bytes, stream: number, segment: Bytes, startUs: number | bigint): string {
  const ms = Number(BigInt(startUs) / 1000n);
  if (startUs < 0 || ms > Date.UTC(9999, 11, 31, 23, 59, 59, 999)) {
    throw new SealingError("bad-field", `no object name can hold the time ${startUs} µs`);
  }
  const hour = new Date(ms).toISOString().slice(0, 13).replace(/[-T]/g, "");
  return `t/${hex(tenant)}/c/${hex(camera)}/${stream === MAIN ? "main" : "sub"}/${hour}/${hex(segment)}`;
}
