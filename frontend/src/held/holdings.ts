/** What a person holds in customer-held mode: shares of camera keys, opened by their own key when they are wanted. No network. */
import { equal, fromBase64Url, hex, uuidBytes, type Bytes } from "../sealing/bytes";
import { openKey, parseEnvelope, type BoxKeys } from "../sealing/envelope";
import { SealingError } from "../sealing/errors";
import { PURPOSE_CAMERA_SHARE } from "../sealing/registry";
import type { ApiShare } from "./api";
import { boxKeys, type KeyKind } from "./derive";

/** The person's own key is not open on this device. */
export class KeysLocked extends Error {
  override readonly name = "KeysLocked";
}

/** Nobody handed this person the key of this camera yet; where `sound`, the picture may still be there. */
export class NotShared extends Error {
  override readonly name = "NotShared";
}

/** A camera key that was opened, and what it is for. */
export interface CameraKeys {
  readonly camera: string;
  readonly kind: KeyKind;
  readonly epoch: number;
  readonly box: BoxKeys;
}

export class Holdings {
  /** By the camera key's kid, in hex. */
  private readonly shares = new Map<string, ApiShare>();
  private readonly opened = new Map<string, Promise<CameraKeys>>();

  /** `shares` as the portal lists them; one that cannot be read is refused (`SealingError`). */
  constructor(
    private readonly tenant: Bytes,
    private readonly own: BoxKeys,
    shares: readonly ApiShare[],
  ) {
    for (const share of shares) this.shares.set(hex(parseEnvelope(fromBase64Url(share.sealed)).keyId), share);
  }

  /**
   * The camera key of this kid. Raises NotShared; `wrong-envelope` where the share does not open or holds another key, and
   * `wrong-scope` where it belongs to another camera or kind than `place` says.
   */
  async cameraKeys(kid: Bytes, place: { readonly camera: Bytes; readonly kind: KeyKind }): Promise<CameraKeys> {
    const name = hex(kid);
    const share = this.shares.get(name);
    if (!share) throw new NotShared("no share of this camera's key was handed to you");
    let opening = this.opened.get(name);
    if (!opening) this.opened.set(name, (opening = this.open(share, kid)));
    const keys = await opening;
    if (keys.kind !== place.kind || !equal(uuidBytes(keys.camera), place.camera)) {
      throw new SealingError("wrong-scope", "the share belongs to another camera");
    }
    return keys;
  }

  private async open(share: ApiShare, kid: Bytes): Promise<CameraKeys> {
    const { camera, kind, epoch } = share;
    const secret = await openKey(
      parseEnvelope(fromBase64Url(share.sealed)),
      {
        purpose: PURPOSE_CAMERA_SHARE,
        tenant: this.tenant,
        scope: [uuidBytes(camera), kind, epoch],
        keyId: kid,
        epoch: 0,
      },
      this.own,
    );
    const box = await boxKeys(secret);
    secret.fill(0);
    if (!equal(box.kid, kid)) throw new SealingError("wrong-envelope", "the share holds another key than it says");
    return { camera, kind, epoch, box };
  }
}
