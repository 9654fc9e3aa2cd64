/** Failures of the key worker in words of the page: the worker itself knows no language. */
import { language, t } from "../i18n/t";
import type { ErrorName } from "../sealing/errors";
import type { FailureInfo } from "./messages";

/** What a name of SPEC section 10 means to somebody who looks at footage. */
const REFUSALS: Record<ErrorName, string> = {
  "not-canonical": t("the data are not written as they must be"),
  "unknown-critical": t("it is of a newer version than this page knows"),
  "bad-signature": t("the signature does not hold"),
  "wrong-purpose": t("it was signed for another purpose"),
  "wrong-key": t("the key does not belong to it"),
  "wrong-root": t("it is not what was signed"),
  "wrong-root-key": t("it comes from another root key than the trusted one"),
  "leaf-tampered": t("the sealed bytes are not the signed ones"),
  "chunk-tampered": t("a piece of it was altered"),
  truncated: t("what is stored is shorter than its record says"),
  "bad-length": t("it has a length it cannot have"),
  "wrong-envelope": t("the envelope of the key does not open here"),
  "wrong-scope": t("it belongs to another place or time"),
  "bad-parts": t("its parts do not fit together"),
  "bad-field": t("it holds something that cannot be"),
  "no-genesis": t("the chain has no begin"),
  "out-of-order": t("the records came in the wrong order"),
  "broken-chain": t("the chain of records is broken"),
  fork: t("two records stand at the same place of the chain"),
  "broken-statements": t("the statements of the root key do not hold"),
  "rolled-back": t("the portal shows fewer or other statements than before"),
  replayed: t("something came that had come before"),
  "missing-object": t("the store does not have this segment"),
  "unknown-suite": t("it is sealed in a way this page does not know"),
  "unknown-signer": t("nobody vouches for the signer"),
  "revoked-signer": t("the agent that signed it was revoked"),
  "missing-key": t("the key was not released"),
  "bad-index": t("the index does not fit the record"),
  "broken-live": t("the live pictures are not those the agent signed"),
  "bad-folder": t("a folder of the store holds what does not belong there"),
};

/**
 * The failure with a message in the page's language. English pages keep the worker's own words, which name the very place; in other
 * languages a sentence says what kind it is, with the name that the specification gives it.
 */
export function inWords(failure: FailureInfo): FailureInfo {
  if (failure.code === "no-own-key") return failure;
  if (failure.kind === "locked" || failure.kind === "unshared") return { ...failure, message: sentence(failure) };
  return language === "en" ? failure : { ...failure, message: sentence(failure) };
}

function sentence({ kind, code, message }: FailureInfo): string {
  switch (kind) {
    case "sealing":
      return `${REFUSALS[code as ErrorName]} (${code})`;
    case "network":
      return t("the object store cannot be reached");
    case "http":
      return t("the object store answered {status}", { status: code });
    case "expired":
      return t("the grant for this segment is over");
    case "media":
      return t("the recording is not built as a recording must be");
    case "locked":
      return t("Your keys are locked on this device. Unlock them to see what this camera recorded.");
    case "unshared":
      return t("You may see this camera, but its key was not handed to you yet. Ask somebody who holds the organisation's keys.");
    case "codec":
      return t("This browser cannot draw this camera's pictures");
    case "aborted":
    case "other":
      return message;
  }
}
