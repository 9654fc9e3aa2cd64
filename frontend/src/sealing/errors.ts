/** Names of SPEC section 10. Both implementations raise these, and the vectors name them. */
export const ERROR_NAMES = [
  "not-canonical",
  "unknown-critical",
  "bad-signature",
  "wrong-purpose",
  "wrong-key",
  "wrong-root",
  "wrong-root-key",
  "leaf-tampered",
  "chunk-tampered",
  "truncated",
  "bad-length",
  "wrong-envelope",
  "wrong-scope",
  "bad-parts",
  "bad-field",
  "no-genesis",
  "out-of-order",
  "broken-chain",
  "fork",
  "broken-statements",
  "rolled-back",
  "replayed",
  "missing-object",
  "unknown-suite",
  "unknown-signer",
  "revoked-signer",
  "missing-key",
  "bad-index",
  "broken-live",
  "bad-folder",
] as const;

export type ErrorName = (typeof ERROR_NAMES)[number];

/** A sealed or signed thing was refused. `code` is the name of SPEC section 10; the message holds no secret. */
export class SealingError extends Error {
  override readonly name = "SealingError";
  readonly code: ErrorName;

  constructor(code: ErrorName, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}
