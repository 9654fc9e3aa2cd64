import { describe, expect, it } from "vitest";
import { verdict } from "../src/parts/strength-meter";

const LIMITS = { least: 12, most: 128, score: 3, own: 6, about: ["Alice", "alice@example.org", "Acme Works"] };

describe("a password while it is typed", () => {
  it.each([
    ["short", false, "5 of at least 12 characters"],
    ["Password1234", false, "Easy to guess: add unrelated words"],
    ["alice@example.org", false, "Easy to guess: it is made of your name, your address or your organisation"],
    ["acme works alice", false, "Easy to guess: it is made of your name, your address or your organisation"],
    ["walnut ferry lantern meadow", true, "Very hard to guess"],
    ["a".repeat(129), false, "128 characters are the most"],
  ])("%s", (password, good, words) => {
    expect(verdict(password, LIMITS, [])).toMatchObject({ good, words });
  });

  it("counts what is typed in the same form as known", () => {
    expect(verdict("Bartholomew Featherstone", LIMITS, ["Bartholomew Featherstone"]).good).toBe(false);
  });

  it("says of the portal's own examples what the portal says", () => {
    // The lists behind both are the same; tests/accounts/test_passwords.py asks the portal the same questions.
    expect(verdict("correct horse battery 7 staple", LIMITS, []).good).toBe(true);
    expect(verdict("qwertyuiop123", LIMITS, []).good).toBe(false);
    expect(verdict("iloveyou2026!", LIMITS, []).good).toBe(false);
  });
});
