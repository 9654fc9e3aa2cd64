/** Acts that take a second factor given a moment ago: asked for once, then the act is done. */
import { ApiError } from "../api/client";
import { h } from "../dom";
import { t } from "../i18n/t";
import type { KeysApi } from "./api";
import { ask, field } from "./ask";

/** The person did not give what was asked for: the act was not done. */
export class NotDone extends Error {
  override readonly name = "NotDone";

  constructor() {
    super(t("Nothing was changed."));
  }
}

/** Runs `work`; where the portal wants the factor anew, asks for a code and runs it again. Raises NotDone. */
export async function withFreshFactor<T>(api: KeysApi, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "stale-factor") throw error;
  }
  const { box, input } = field(t("Code from your authenticator app"), {
    class: "code",
    autocomplete: "one-time-code",
    spellcheck: "false",
    required: true,
  });
  const given = await ask({
    title: t("Show once more that it is you"),
    content: [h("p", {}, t("Changing keys takes a code given a moment ago.")), box],
    submit: t("Go on"),
    act: async () => {
      await api.freshen(input.value);
      return true;
    },
  });
  if (!given) throw new NotDone();
  return work();
}
