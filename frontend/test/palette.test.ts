/** The palette: times in plain words, what a few letters mean, and what is shown for them. */
import { describe, expect, it } from "vitest";
import { match } from "../src/palette/match";
import { answer, type Catalogue, deepLinkTime, type Surroundings } from "../src/palette/results";
import { WORDS } from "../src/palette/words";
import { parseWhen, resolveWhen, splitWhen } from "../src/palette/when";
import { agoAndExactly, clockTime, fieldValue } from "../src/times";

const BERLIN = "Europe/Berlin";
/** Wednesday 25 November 2026, 15:30:00 in Berlin. */
const NOW = Date.UTC(2026, 10, 25, 14, 30) * 1000;

/** The local times in a zone that a text means, and what is noted of each. */
function means(text: string, zone = BERLIN, now = NOW, language = "en"): string[] {
  const when = parseWhen(text, language);
  if (!when) return [];
  return resolveWhen(when, now, zone).map(
    ({ us, note, future }) => fieldValue(us, zone) + (note ? ` ${note}` : "") + (future ? " future" : ""),
  );
}

describe("times in plain words", () => {
  it.each([
    ["14:03", "2026-11-25T14:03:00"],
    ["14:03:10", "2026-11-25T14:03:10"],
    ["9h15", "2026-11-25T09:15:00"],
    ["16:00", "2026-11-24T16:00:00"], // today it is still to come
    ["2pm", "2026-11-25T14:00:00"],
    ["2:30 PM", "2026-11-25T14:30:00"],
    ["12 am", "2026-11-25T00:00:00"],
    ["noon", "2026-11-25T12:00:00"],
    ["midnight", "2026-11-25T00:00:00"],
    ["today", "2026-11-25T00:00:00"],
    ["yesterday", "2026-11-24T00:00:00"],
    ["yesterday 14:03", "2026-11-24T14:03:00"],
    ["yesterday at 14:03", "2026-11-24T14:03:00"],
    ["14:03 yesterday", "2026-11-24T14:03:00"],
    ["mon 9:15", "2026-11-23T09:15:00"],
    ["Monday, 9:15", "2026-11-23T09:15:00"],
    ["last thurs 9:15", "2026-11-19T09:15:00"],
    ["wed 9:15", "2026-11-25T09:15:00"],
    ["wed 23:00", "2026-11-18T23:00:00"], // today's is still to come
    ["3 days ago 8:00", "2026-11-22T08:00:00"],
    ["22 nov", "2026-11-22T00:00:00"],
    ["22 November 14:03", "2026-11-22T14:03:00"],
    ["nov 22 2:30pm", "2026-11-22T14:30:00"],
    ["24 dec 18:00", "2025-12-24T18:00:00"], // the last one there was
    ["22.11. 14:03", "2026-11-22T14:03:00"],
    ["22.11.2025 14:03", "2025-11-22T14:03:00"],
    ["29 feb", "2024-02-29T00:00:00"],
    ["2026-11-22", "2026-11-22T00:00:00"],
    ["2026-11-22 14:03", "2026-11-22T14:03:00"],
    ["2026-11-22T14:03:10", "2026-11-22T14:03:10"],
    ["2026-11-22T14:03:10Z", "2026-11-22T15:03:10"],
    ["2026-11-22T14:03:10+02:00", "2026-11-22T13:03:10"],
    ["5 min ago", "2026-11-25T15:25:00"],
    ["90s ago", "2026-11-25T15:28:30"],
    ["2 hours ago", "2026-11-25T13:30:00"],
  ])("%s", (text, expected) => {
    expect(means(text)).toEqual([expected]);
  });

  it.each(["", "gate", "2", "25:00", "14:60", "13pm", "31 feb", "30.02.", "2026-13-01", "2026-02-30 10:00", "mo 9:15", "may"])(
    "%s is no time",
    (text) => {
      expect(parseWhen(text)).toBeNull();
    },
  );

  it("what is still to come is marked, not moved", () => {
    expect(means("2027-01-01 10:00")).toEqual(["2027-01-01T10:00:00 future"]);
    expect(means("today 23:00")).toEqual(["2026-11-25T23:00:00 future"]);
  });

  it("knows the days and months of the page's language too", () => {
    expect(means("gestern 14:03", BERLIN, NOW, "de")).toEqual(["2026-11-24T14:03:00"]);
    expect(means("Mo 9:15", BERLIN, NOW, "de")).toEqual(["2026-11-23T09:15:00"]);
    expect(means("3. März 9:15", BERLIN, NOW, "de")).toEqual(["2026-03-03T09:15:00"]);
    expect(means("yesterday 14:03", BERLIN, NOW, "de")).toEqual(["2026-11-24T14:03:00"]);
  });

  it.each([
    ["heute", "2026-11-25T00:00:00"],
    ["gestern um 14:30", "2026-11-24T14:30:00"],
    ["gestern 14:30 Uhr", "2026-11-24T14:30:00"],
    ["gestern 14.30 Uhr", "2026-11-24T14:30:00"],
    ["vorgestern 8:00", "2026-11-23T08:00:00"],
    ["14 Uhr 05", "2026-11-25T14:05:00"],
    ["14 Uhr", "2026-11-25T14:00:00"],
    ["Montag", "2026-11-23T00:00:00"],
    ["am Montag um 9 Uhr", "2026-11-23T09:00:00"],
    ["letzten Donnerstag 9:15", "2026-11-19T09:15:00"],
    ["am 22.11. um 14 Uhr", "2026-11-22T14:00:00"],
    ["14 Uhr 22.11.", "2026-11-22T14:00:00"],
    ["14 Uhr 22. November", "2026-11-22T14:00:00"],
    ["14 Uhr 05 gestern", "2026-11-24T14:05:00"],
    ["22. November 14:03", "2026-11-22T14:03:00"],
    ["gestern Mittag", "2026-11-24T12:00:00"],
    ["Mitternacht", "2026-11-25T00:00:00"],
    ["vor 5 Min.", "2026-11-25T15:25:00"],
    ["vor 90 Sekunden", "2026-11-25T15:28:30"],
    ["vor 2 Stunden", "2026-11-25T13:30:00"],
    ["vor 3 Tagen", "2026-11-22T00:00:00"],
    ["vor 3 Tagen um 8 Uhr", "2026-11-22T08:00:00"],
  ])("in German, %s", (text, expected) => {
    expect(means(text, BERLIN, NOW, "de-DE")).toEqual([expected]);
  });

  it("German words mean nothing on an English page", () => {
    for (const text of ["gestern 14:30", "14 Uhr", "vor 5 Min."]) expect(parseWhen(text)).toBeNull();
  });

  it("what stands before a German time is left out of the words", () => {
    const words = (query: string): string | undefined => splitWhen(query, "de")?.words;
    expect(words("Tor 2 gestern 14:03")).toBe("Tor 2");
    expect(words("Tor 2 von gestern 14:03 Uhr")).toBe("Tor 2");
    expect(words("Tor 2 am Montag um 9 Uhr")).toBe("Tor 2");
    expect(words("Hof vor 5 Minuten")).toBe("Hof");
  });

  it("is the zone's day, not the device's", () => {
    // 14:30 UTC on the 25th is the 26th already in Auckland.
    expect(means("yesterday 23:00", "Pacific/Auckland")).toEqual(["2026-11-25T23:00:00"]);
    expect(means("today", "Pacific/Auckland")).toEqual(["2026-11-26T00:00:00"]);
  });
});

describe("nights the clocks change", () => {
  const monday = Date.UTC(2026, 9, 26, 12) * 1000;

  it("a time that came twice is two times", () => {
    const twice = resolveWhen(parseWhen("25.10.2026 2:30")!, monday, BERLIN);
    expect(twice.map(({ us, note }) => [new Date(us / 1000).toISOString(), note])).toEqual([
      ["2026-10-25T00:30:00.000Z", "first"],
      ["2026-10-25T01:30:00.000Z", "second"],
    ]);
  });

  it("a time that was skipped says so and stands the same span after midnight", () => {
    const [only, ...more] = resolveWhen(parseWhen("2026-03-29 02:30")!, monday, BERLIN);
    expect(more).toEqual([]);
    expect(only?.note).toBe("skipped");
    expect(new Date(only!.us / 1000).toISOString()).toBe("2026-03-29T01:30:00.000Z");
    expect(clockTime(only!.us, BERLIN)).toBe("03:30:00");
  });

  it("yesterday is the calendar's, whatever the length of the day", () => {
    expect(means("yesterday 12:00", BERLIN, monday)).toEqual(["2026-10-25T12:00:00"]);
    const early = Date.UTC(2026, 9, 25, 22, 30) * 1000; // 23:30 on the day of 25 hours
    expect(means("yesterday 0:15", BERLIN, early)).toEqual(["2026-10-24T00:15:00"]);
  });

  it("the half of a double hour that is still to come is left out where no day is said", () => {
    const between = Date.UTC(2026, 9, 25, 0, 45) * 1000; // 02:45, the first time
    expect(means("2:30", BERLIN, between)).toEqual(["2026-10-25T02:30:00 first"]);
  });

  it("a day may begin at one o'clock", () => {
    const noon = Date.UTC(2018, 10, 4, 16) * 1000;
    expect(means("today", "America/Sao_Paulo", noon)).toEqual(["2018-11-04T01:00:00 skipped"]);
  });
});

describe("a query holds words and a time", () => {
  it.each([
    ["gate 2 yesterday 14:03", "gate 2", "2026-11-24T14:03:00"],
    ["gate 2 at 14:03", "gate 2", "2026-11-25T14:03:00"],
    ["gate 2 nov 14:03", "gate", "2026-11-02T14:03:00"],
    ["14:03 gate 2", "gate 2", "2026-11-25T14:03:00"],
    ["hall 2 5 min ago", "hall 2", "2026-11-25T15:25:00"],
    ["mon 9:15", "", "2026-11-23T09:15:00"],
  ])("%s", (query, words, expected) => {
    const split = splitWhen(query)!;
    expect(split.words).toBe(words);
    expect(resolveWhen(split.when, NOW, BERLIN).map(({ us }) => fieldValue(us, BERLIN))).toEqual([expected]);
  });

  it("or no time", () => {
    expect(splitWhen("gate 2")).toBeNull();
    expect(splitWhen("  ")).toBeNull();
  });
});

describe("what letters mean", () => {
  const best = (query: string, texts: string[]): string | undefined =>
    texts
      .map((text) => ({ text, found: match(query, text) }))
      .filter(({ found }) => found)
      .sort((a, b) => b.found!.score - a.found!.score)[0]?.text;

  it("finds the beginnings of words before insides before scattered letters", () => {
    expect(best("gate", ["Litigate", "Gate 2", "Garage tent east"])).toBe("Gate 2");
    expect(best("gate", ["Litigate", "Garage tent east"])).toBe("Litigate");
    expect(match("gte", "Garage tent east")).not.toBeNull();
    expect(match("xyz", "Gate 2")).toBeNull();
  });

  it("takes words in any order, digits beside letters, accents and capitals as one", () => {
    expect(match("2 gate", "Gate 2")).not.toBeNull();
    expect(match("2", "Gate2")?.score).toBeGreaterThan(70);
    expect(match("tur", "Türöffner")?.at).toEqual([0, 1, 2]);
    expect(match("בדיקה", "מצלמה בדיקה")).not.toBeNull();
    expect(best("gate 2", ["Gate 20", "Gate 2"])).toBe("Gate 2");
  });

  it("marks whole characters, also after emoji", () => {
    expect(match("gate", "🎥 Gate")?.at).toEqual([3, 4, 5, 6]);
  });
});

const SITE = { id: "s1", name: "Berlin", time_zone: BERLIN, url: "/t/x/?site=s1" };
const FAR = { id: "s2", name: "Auckland", time_zone: "Pacific/Auckland", url: "/t/x/?site=s2" };
const camera = (id: string, name: string, site = "s1"): Catalogue["cameras"][number] => ({ id, name, site, url: `/t/x/cameras/${id}` });
const CATALOGUE: Catalogue = {
  account: "a1",
  pages: [{ name: "overview", label: "Live", icon: "live", url: "/t/x/" }],
  acts: [{ name: "agents-enrol", label: "Enrol an agent", icon: "plus", url: "/t/x/agents/enrol" }],
  sites: [SITE, FAR],
  cameras: [camera("c1", "Gate 1"), camera("c2", "Gate 2"), camera("c3", "Yard", "s2")],
  people: [{ id: "p1", name: "Gabriela Ortiz", email: "gabriela@example.org", url: "/t/x/people" }],
};
const AROUND: Surroundings = { nowUs: NOW, language: "en", recent: [], here: null, acts: [{ act: "sign-out", label: "Sign out", icon: "out" }] };

describe("what the palette shows", () => {
  it("a camera and a time: that camera at that second, in its site's zone", () => {
    const { groups } = answer("gate 2 yesterday 14:03", CATALOGUE, AROUND);
    expect(groups[0]?.title).toBe(WORDS.times);
    expect(groups[0]?.rows.map(({ title, url }) => [title, url])).toEqual([["Gate 2", "/t/x/cameras/c2?t=2026-11-24T13:03:00Z"]]);
    const far = answer("yard 14:03", CATALOGUE, AROUND).groups[0]!.rows[0]!;
    expect(far.url).toBe("/t/x/cameras/c3?t=2026-11-25T01:03:00Z");
    expect(far.detail).toContain("14:03:00");
  });

  it("a time alone: the open camera first, then those seen last", () => {
    const around = { ...AROUND, here: "c3", recent: ["/t/x/cameras/c2"] };
    const rows = answer("14:03", CATALOGUE, around).groups[0]!.rows;
    expect(rows.map(({ title }) => title)).toEqual(["Yard", "Gate 2", "Gate 1"]);
  });

  it("a time to come: says so", () => {
    expect(answer("gate 2 2027-01-01 10:00", CATALOGUE, AROUND)).toEqual({ groups: [], note: WORDS.future });
  });

  it("cameras by name and by site, people, acts", () => {
    const titles = (query: string): string[][] =>
      answer(query, CATALOGUE, AROUND).groups.map((group) => [group.title, ...group.rows.map(({ title }) => title)]);
    expect(titles("gate")[0]).toEqual([WORDS.cameras, "Gate 1", "Gate 2"]);
    expect(titles("gate berlin")[0]).toEqual([WORDS.cameras, "Gate 1", "Gate 2"]);
    expect(titles("auckland")[0]).toEqual([WORDS.sites, "Auckland"]);
    expect(titles("gabriela@")).toEqual([[WORDS.people, "Gabriela Ortiz"]]);
    expect(titles("sign out")).toEqual([[WORDS.acts, "Sign out"]]);
    expect(titles("enrol")).toEqual([[WORDS.pages, "Enrol an agent"]]);
    expect(answer("qqq", CATALOGUE, AROUND)).toEqual({ groups: [], note: WORDS.nothing });
  });

  it("nothing typed: where the person was last, then every page", () => {
    const around = { ...AROUND, recent: ["/t/x/cameras/c2", "/t/x/cameras/gone", "/t/x/"] };
    const { groups, note } = answer("", CATALOGUE, around);
    expect(groups.map((group) => group.rows.map(({ title }) => title))).toEqual([["Gate 2", "Live"], ["Enrol an agent"]]);
    expect(note).toBe(WORDS.hint);
  });

  it("answers for 500 cameras with long names without a pause one could feel", () => {
    const cameras = Array.from({ length: 500 }, (_, i) => camera(`c${i}`, `${"Long corridor ".repeat(14)}${i}`));
    const many = { ...CATALOGUE, cameras };
    answer("warm up", many, AROUND);
    const began = performance.now();
    expect(answer("corridor 499", many, AROUND).groups[0]?.rows[0]?.title.endsWith(" 499")).toBe(true);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("times beside each other", () => {
  it("say how long ago and when exactly, the date only where it is another day", () => {
    expect(agoAndExactly(NOW / 1000 - 180_000, NOW / 1000, BERLIN)).toBe("3 min. ago · 15:27:00 GMT+1");
    expect(agoAndExactly(NOW / 1000 - 2 * 86_400_000, NOW / 1000, BERLIN)).toBe("2 days ago · 2026-11-23 15:30:00 GMT+1");
  });

  it("a deep link's time is UTC to the second", () => {
    expect(deepLinkTime(Date.UTC(2026, 10, 22, 14, 3, 10) * 1000)).toBe("2026-11-22T14:03:10Z");
  });
});
