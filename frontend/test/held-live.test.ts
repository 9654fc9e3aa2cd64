/** The live view under customer-held keys: the hub passes the agent's envelopes on, sealed to the camera's keys. */
import { describe, expect, it } from "vitest";
import { boxKeys } from "../src/held/derive";
import { Holdings, KeysLocked } from "../src/held/holdings";
import type { LiveEvent } from "../src/keys/messages";
import { LiveReceiver } from "../src/live/receiver";
import { toBase64Url, uuidBytes, type Bytes } from "../src/sealing/bytes";
import { encode } from "../src/sealing/cbor";
import { generateBoxKeys, sealEnvelope } from "../src/sealing/envelope";
import { AUDIO, MAIN, PURPOSE_CAMERA_SHARE, PURPOSE_LIVE } from "../src/sealing/registry";

const TENANT = "3f2c1d5e-0000-4000-8000-000000000001";
const ACCOUNT = "3f2c1d5e-0000-4000-8000-000000000002";
const CAMERA = "3f2c1d5e-0000-4000-8000-000000000004";
const [tenant, camera] = [uuidBytes(TENANT), uuidBytes(CAMERA)];
const PUBLISH = new Uint8Array(16).fill(3);
const filled = (byte: number): Bytes => new Uint8Array(32).fill(byte);

async function taken(holdings: () => Holdings, picture: Bytes, sound: Bytes): Promise<LiveEvent[]> {
  const box = await generateBoxKeys();
  const reply = { ticket: "", url: "", expires_us: 0, tenant: TENANT, account: ACCOUNT, session: toBase64Url(new Uint8Array(16)), root_fingerprint: "" };
  const events: LiveEvent[] = [];
  const view = { reply, camera: CAMERA, stream: MAIN, box, trust: () => null, holdings };
  const receiver = new LiveReceiver(view, (event) => events.push(event));
  const rows = [];
  for (const [rendition, to] of [[MAIN, picture], [AUDIO, sound]] as const) {
    const keyId = new Uint8Array(16).fill(rendition);
    const info = { purpose: PURPOSE_LIVE, tenant, scope: [camera, MAIN, rendition, PUBLISH], keyId, epoch: 1 };
    rows.push([rendition, keyId, await sealEnvelope(info, filled(7), to)]);
  }
  await receiver.take(encode([10, PUBLISH, camera, MAIN, new Uint8Array(16), filled(9), rows]));
  return events;
}

describe("live keys sealed to the camera", () => {
  it("open by the person's shares; without the sound's share there is a picture without sound", async () => {
    const own = await generateBoxKeys();
    const [picture, sound] = [await boxKeys(filled(1)), await boxKeys(filled(2))];
    const info = { purpose: PURPOSE_CAMERA_SHARE, tenant, scope: [camera, 0, 1], keyId: picture.kid, epoch: 0 };
    const sealed = toBase64Url(await sealEnvelope(info, filled(1), own.publicBytes));
    const holdings = new Holdings(tenant, own, [{ camera: CAMERA, kind: 0, epoch: 1, sealed }]);
    expect(await taken(() => holdings, picture.publicBytes, sound.publicBytes)).toEqual([]);
    const unshared = await taken(() => new Holdings(tenant, own, []), picture.publicBytes, sound.publicBytes);
    expect(unshared).toMatchObject([{ type: "failure", failure: { kind: "unshared" } }]);
  });

  it("wait for the own key while it is locked", async () => {
    const { publicBytes } = await generateBoxKeys();
    const locked = (): Holdings => {
      throw new KeysLocked("locked");
    };
    expect(await taken(locked, publicBytes, publicBytes)).toMatchObject([{ type: "failure", failure: { kind: "locked" } }]);
  });
});
