/** What a statement that is to be signed says, read from its body: what the portal says about it is a claim. */
import { t } from "../i18n/t";
import { fromBase64Url, hex, uuidText } from "../sealing/bytes";
import { decode } from "../sealing/cbor";
import { keyId } from "../sealing/cose";
import { Fields } from "../sealing/fields";
import { STATEMENT_AGENT_KEYS, STATEMENT_AGENT_REVOKED, STATEMENT_COMMAND_KEY, STATEMENT_DELETION_KEY } from "../sealing/registry";
import type { StatementRequest } from "./api";
import { groups } from "./parts";

/** Raises SealingError where the body is none of its kind. */
export async function statementWords({ kind, body }: Pick<StatementRequest, "kind" | "body">): Promise<string> {
  const fields = new Fields(decode(fromBase64Url(body)), "body");
  switch (kind) {
    case STATEMENT_AGENT_KEYS: {
      const agent = uuidText(fields.uuid(1));
      const key = groups(hex(await keyId(fields.octets(2, 32))));
      return t("Statement: recordings signed by key {key} are those of agent {agent}", { key, agent });
    }
    case STATEMENT_AGENT_REVOKED:
      return t("Statement: agent {agent} is trusted no more", { agent: uuidText(fields.uuid(1)) });
    case STATEMENT_COMMAND_KEY:
      return t("Statement: agents obey key {key}", { key: groups(hex(await keyId(fields.octets(1, 32)))) });
    case STATEMENT_DELETION_KEY:
      return t("Statement: key {key} signs what is deleted", { key: groups(hex(await keyId(fields.octets(1, 32)))) });
    default:
      return t("Statement of kind {kind}, which this page does not sign", { kind });
  }
}
