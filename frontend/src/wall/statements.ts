/** Statements for many tiles at once. */
import type { Api } from "../api/client";

/** The root's statements, fetched once for all tiles that open at about the same time. */
export class SharedStatements {
  private asked: ReturnType<Api["statements"]> | null = null;
  private askedMs = -Infinity;
  readonly tenant: string;

  constructor(private readonly api: Api) {
    this.tenant = api.tenant;
  }

  statements(): ReturnType<Api["statements"]> {
    if (this.asked && performance.now() - this.askedMs < 5000) return this.asked;
    this.askedMs = performance.now();
    const asked = this.api.statements();
    asked.catch(() => (this.asked = null));
    this.asked = asked;
    return asked;
  }
}
