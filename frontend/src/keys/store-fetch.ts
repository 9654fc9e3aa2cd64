/** Ranges of stored objects, straight from the object store by presigned URL. */
import type { Bytes } from "../sealing/bytes";
import { SealingError } from "../sealing/errors";
import { FetchError } from "./failure";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Bytes [from, to) of the object at `url`. Raises FetchError (status 0: unreachable; 404: `missing-object` as SealingError),
 * SealingError `truncated` where the object is shorter.
 */
export async function fetchRange(
  url: string,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
  fetcher: Fetch,
): Promise<Bytes> {
  let response: Response;
  try {
    response = await fetcher(url, {
      headers: { Range: `bytes=${from}-${to - 1}` },
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw new DOMException("no longer wanted", "AbortError");
    throw new FetchError(0, `the object store cannot be reached (${error instanceof Error ? error.message : String(error)})`);
  }
  if (response.status === 404) throw new SealingError("missing-object", "the store does not have this segment");
  if (response.status === 416) throw new SealingError("truncated", "the stored object is shorter than its record says");
  if (!response.ok) throw new FetchError(response.status, `the object store answered ${response.status}`);
  return bodyRange(response, from, to, signal);
}

async function bodyRange(response: Response, from: number, to: number, signal: AbortSignal | undefined): Promise<Bytes> {
  let body: Bytes;
  try {
    body = new Uint8Array(await response.arrayBuffer());
  } catch {
    if (signal?.aborted) throw new DOMException("no longer wanted", "AbortError");
    throw new FetchError(0, "the connection to the object store broke off");
  }
  // 200 means the server ignored the range and sent everything.
  const range = response.status === 206 ? body : body.subarray(from, to);
  if (range.length !== to - from) throw new SealingError("truncated", "the store gave fewer bytes than the record says");
  return range;
}
