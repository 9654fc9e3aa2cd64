/** What the palette shows for what was typed. Pure: catalogue, clock and language are the caller's. */
import { clockTime, day, knownZone, zoneName } from "../times";
import { type Match, match } from "./match";
import { type Instant, resolveWhen, splitWhen } from "./when";
import { WORDS } from "./words";

export interface Entry {
  readonly name: string;
  readonly label: string;
  readonly icon: string;
  readonly url: string;
}

export interface CatalogueSite {
  readonly id: string;
  readonly name: string;
  readonly time_zone: string;
  readonly url: string;
}

export interface CatalogueCamera {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly url: string;
}

export interface CataloguePerson {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly url: string;
}

/** `GET /t/<slug>/palette.json` (docs/architecture.md). */
export interface Catalogue {
  readonly account: string;
  readonly pages: readonly Entry[];
  readonly acts: readonly Entry[];
  readonly sites: readonly CatalogueSite[];
  readonly cameras: readonly CatalogueCamera[];
  readonly people: readonly CataloguePerson[];
}

export interface Row {
  readonly icon: string;
  readonly title: string;
  readonly detail: string;
  /** Positions in the title that were typed. */
  readonly marks: readonly number[];
  readonly url: string;
  /** With a camera and a time: which instant, so that an open player can go there without leaving the page. */
  readonly camera?: string;
  readonly us?: number;
  /** A name of something the page does itself (theme, sign-out) instead of an address. */
  readonly act?: string;
}

export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Answer {
  readonly groups: readonly Group[];
  /** A sentence where there is something to say instead of a row, or beside the rows. */
  readonly note: string | null;
}

export interface Surroundings {
  readonly nowUs: number;
  readonly language: string;
  /** Addresses of where the person went last, newest first. */
  readonly recent: readonly string[];
  /** Camera whose page is open. */
  readonly here: string | null;
  /** What the page can do by itself. */
  readonly acts: readonly { readonly act: string; readonly label: string; readonly icon: string }[];
}

/** A camera is what most people look for: it stands before a site or page that fits a little better. */
const CAMERA_FIRST = 45;
const MOST_CAMERAS = 12;
const MOST_TIMES = 8;
const MOST_OTHERS = 6;

interface Scored<T> {
  readonly item: T;
  readonly match: Match;
}

export function answer(query: string, catalogue: Catalogue, around: Surroundings): Answer {
  if (query.trim() === "") return atFirst(catalogue, around);
  const times = timesOf(query, catalogue, around);
  const groups = [
    { title: WORDS.cameras, found: cameraRows(query, catalogue) },
    { title: WORDS.pages, found: entryRows(query, [...catalogue.pages, ...catalogue.acts]) },
    { title: WORDS.sites, found: siteRows(query, catalogue) },
    { title: WORDS.people, found: personRows(query, catalogue) },
    { title: WORDS.acts, found: actRows(query, around) },
  ]
    .filter(({ found }) => found.length)
    .sort((a, b) => b.found[0]!.match.score - a.found[0]!.match.score)
    .map(({ title, found }) => ({ title, rows: found.map(({ item }) => item) }));
  const all = times.rows.length ? [{ title: WORDS.times, rows: times.rows }, ...groups] : groups;
  return { groups: all, note: times.note ?? (all.length ? null : WORDS.nothing) };
}

function atFirst(catalogue: Catalogue, around: Surroundings): Answer {
  const every: Row[] = [
    ...catalogue.cameras.map((camera) => cameraRow(camera, catalogue, [])),
    ...[...catalogue.pages, ...catalogue.acts].map((entry) => entryRow(entry, [])),
    ...catalogue.sites.map((site) => siteRow(site, [])),
  ];
  const rows = around.recent.flatMap((url) => every.find((row) => row.url === url) ?? []);
  const pages = [...catalogue.pages, ...catalogue.acts].filter(({ url }) => !around.recent.includes(url));
  const groups = [
    { title: WORDS.recent, rows },
    { title: WORDS.pages, rows: pages.map((entry) => entryRow(entry, [])) },
  ];
  return { groups: groups.filter((group) => group.rows.length), note: catalogue.cameras.length ? WORDS.hint : null };
}

// ---- cameras at a time ----

function timesOf(query: string, catalogue: Catalogue, around: Surroundings): { rows: readonly Row[]; note: string | null } {
  const split = splitWhen(query, around.language);
  if (!split) return { rows: [], note: null };
  const cameras = split.words ? camerasBy(split.words, catalogue).map(({ item }) => item) : nearest(catalogue, around);
  const rows: Row[] = [];
  let future = 0;
  for (const camera of cameras.slice(0, MOST_TIMES)) {
    const zone = zoneOf(camera, catalogue);
    for (const instant of resolveWhen(split.when, around.nowUs, zone)) {
      if (instant.future) future += 1;
      else rows.push(timeRow(camera, instant, zone, catalogue));
    }
  }
  return { rows, note: rows.length === 0 && future > 0 ? WORDS.future : null };
}

/** The camera whose page is open, then those seen last, then all others. */
function nearest(catalogue: Catalogue, around: Surroundings): readonly CatalogueCamera[] {
  const rank = (camera: CatalogueCamera): number => {
    if (camera.id === around.here) return -1;
    const seen = around.recent.indexOf(camera.url);
    return seen < 0 ? around.recent.length : seen;
  };
  return [...catalogue.cameras].sort((a, b) => rank(a) - rank(b));
}

function timeRow(camera: CatalogueCamera, instant: Instant, zone: string, catalogue: Catalogue): Row {
  const note = instant.note === null ? "" : ` · ${WORDS.clockChange[instant.note]}`;
  const time = `${day(instant.us, zone)}, ${clockTime(instant.us, zone)} ${zoneName(instant.us, zone)}`;
  return {
    icon: "wait",
    title: camera.name,
    detail: `${time}${note}${several(catalogue) ? ` · ${siteName(camera, catalogue)}` : ""}`,
    marks: [],
    url: `${camera.url}?t=${deepLinkTime(instant.us)}`,
    camera: camera.id,
    us: instant.us,
  };
}

/** "2026-11-22T14:03:10Z": the `t` of a deep link. */
export function deepLinkTime(us: number): string {
  return new Date(us / 1000).toISOString().replace(/\.000Z$/, "Z");
}

// ---- rows of each kind ----

function camerasBy(words: string, catalogue: Catalogue): Scored<CatalogueCamera>[] {
  return best(catalogue.cameras, (camera) => {
    const full = match(words, `${camera.name} ${siteName(camera, catalogue)}`);
    // What matches by its name alone comes before what needs its site's.
    const found = match(words, camera.name) ?? (full && { ...full, score: full.score - CAMERA_FIRST });
    return found && { ...found, score: found.score + CAMERA_FIRST };
  });
}

function cameraRows(query: string, catalogue: Catalogue): Scored<Row>[] {
  return camerasBy(query, catalogue)
    .slice(0, MOST_CAMERAS)
    .map(({ item, match: found }) => ({ item: cameraRow(item, catalogue, found.at), match: found }));
}

function cameraRow(camera: CatalogueCamera, catalogue: Catalogue, at: readonly number[]): Row {
  const marks = at.filter((index) => index < camera.name.length);
  return { icon: "camera", title: camera.name, detail: siteName(camera, catalogue), marks, url: camera.url, camera: camera.id };
}

function entryRow(entry: Entry, marks: readonly number[]): Row {
  return { icon: entry.icon, title: entry.label, detail: "", marks, url: entry.url };
}

function entryRows(query: string, entries: readonly Entry[]): Scored<Row>[] {
  return shown(best(entries, (entry) => match(query, entry.label)), entryRow);
}

function siteRow(site: CatalogueSite, marks: readonly number[]): Row {
  return { icon: "site", title: site.name, detail: WORDS.siteDetail, marks, url: site.url };
}

function siteRows(query: string, catalogue: Catalogue): Scored<Row>[] {
  if (!several(catalogue)) return [];
  return shown(best(catalogue.sites, (site) => match(query, site.name)), siteRow);
}

function personRows(query: string, catalogue: Catalogue): Scored<Row>[] {
  const found = best(catalogue.people, (person) => match(query, person.name) ?? match(query, person.email));
  return shown(found, (person, at) => ({
    icon: "person",
    title: person.name,
    detail: person.email,
    marks: match(query, person.name) ? at : [],
    url: person.url,
  }));
}

function actRows(query: string, around: Surroundings): Scored<Row>[] {
  const found = best(around.acts, ({ label }) => match(query, label));
  return shown(found, ({ act, label, icon }, marks) => ({ icon, title: label, detail: "", marks, url: "", act }));
}

function shown<T>(found: readonly Scored<T>[], row: (item: T, marks: readonly number[]) => Row): Scored<Row>[] {
  return found.slice(0, MOST_OTHERS).map(({ item, match: by }) => ({ item: row(item, by.at), match: by }));
}

function best<T>(items: readonly T[], by: (item: T) => Match | null): Scored<T>[] {
  const found: Scored<T>[] = [];
  for (const item of items) {
    const matched = by(item);
    if (matched) found.push({ item, match: matched });
  }
  return found.sort((a, b) => b.match.score - a.match.score);
}

function several(catalogue: Catalogue): boolean {
  return catalogue.sites.length > 1;
}

function siteName(camera: CatalogueCamera, catalogue: Catalogue): string {
  return catalogue.sites.find(({ id }) => id === camera.site)?.name ?? "";
}

function zoneOf(camera: CatalogueCamera, catalogue: Catalogue): string {
  return knownZone(catalogue.sites.find(({ id }) => id === camera.site)?.time_zone);
}
