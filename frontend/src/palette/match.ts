/** Which texts a few typed letters mean, and how well. Pure. */
import { fold } from "./when";

export interface Match {
  readonly score: number;
  /** UTF-16 positions of the text's characters that were typed, ascending. */
  readonly at: readonly number[];
}

interface Letter {
  readonly folded: string;
  readonly index: number;
  readonly begins: boolean;
}

const EXACT = 40;
const BEGINS_WORD = 100;
const INSIDE = 60;
const SCATTERED = 25;

/**
 * Whether every word of the query is in the text: at the beginning of a word, inside one, or (letters in order, beginning
 * with a word's first) scattered. null where one is not. An empty query matches everything with 0.
 */
export function match(query: string, text: string): Match | null {
  const words = fold(query).split(/\s+/).filter(Boolean);
  const letters = lettersOf(text);
  const whole = letters.map((letter) => letter.folded).join("");
  let score = whole === words.join(" ") && words.length ? EXACT : 0;
  const at = new Set<number>();
  for (const word of words) {
    const found = place([...word], letters);
    if (!found) return null;
    score += found.score;
    for (const index of found.at) at.add(index);
  }
  // Of two texts that hold what was typed, the shorter one says little else.
  if (words.length) score -= Math.min(letters.length, 60) / 6;
  return { score, at: [...at].sort((a, b) => a - b) };
}

function lettersOf(text: string): Letter[] {
  const letters: Letter[] = [];
  let index = 0;
  let previous = " ";
  for (const character of text) {
    const folded = fold(character);
    // An accent of its own folds to nothing and belongs to the letter before it.
    if (folded) letters.push({ folded: folded[0]!, index, begins: begins(previous, folded) });
    if (folded) previous = folded;
    index += character.length;
  }
  return letters;
}

function begins(previous: string, here: string): boolean {
  const word = /[\p{L}\p{N}]/u;
  return word.test(here) && (!word.test(previous) || /\d/.test(here) !== /\d/.test(previous));
}

function place(word: readonly string[], letters: readonly Letter[]): Match | null {
  let inside: Match | null = null;
  for (let from = 0; from + word.length <= letters.length; from++) {
    if (!word.every((letter, i) => letters[from + i]!.folded === letter)) continue;
    const at = word.map((_, i) => letters[from + i]!.index);
    if (letters[from]!.begins) return { score: BEGINS_WORD - Math.min(from, 20), at };
    inside ??= { score: INSIDE - Math.min(from, 20), at };
  }
  return inside ?? (word.length > 1 ? scattered(word, letters) : null);
}

function scattered(word: readonly string[], letters: readonly Letter[]): Match | null {
  for (let from = 0; from < letters.length; from++) {
    if (!letters[from]!.begins || letters[from]!.folded !== word[0]) continue;
    const at = [letters[from]!.index];
    let next = 1;
    let last = from;
    for (let i = from + 1; i < letters.length && next < word.length; i++) {
      if (letters[i]!.folded !== word[next]) continue;
      at.push(letters[i]!.index);
      last = i;
      next += 1;
    }
    if (next === word.length) return { score: SCATTERED - Math.min(last - from - word.length + 1, 20), at };
  }
  return null;
}
