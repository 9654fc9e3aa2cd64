/** Says below the field what the portal will say of the password: the same lists and the same limits, see passwords.py. */
import zxcvbn from "zxcvbn";
import { t } from "../i18n/t";

/** `data-strength` of the field. */
interface Limits {
  readonly least: number;
  readonly most: number;
  readonly score: number;
  readonly own: number;
  readonly about: readonly string[];
}

export interface Verdict {
  /** 0 to 4, as many parts of the bar as are filled. */
  readonly score: number;
  readonly good: boolean;
  readonly words: string;
}

export function verdict(password: string, limits: Limits, typed: readonly string[]): Verdict {
  const length = [...password].length;
  if (length < limits.least) {
    return { score: 0, good: false, words: t("{have} of at least {least} characters", { have: length, least: limits.least }) };
  }
  if (length > limits.most) return { score: 0, good: false, words: t("{most} characters are the most", { most: limits.most }) };
  const words = [...limits.about, ...typed].flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}_]+/u)]).filter((word) => word.length >= 3);
  if (leftWithout(words, password) < limits.own) {
    return { score: 1, good: false, words: t("Easy to guess: it is made of your name, your address or your organisation") };
  }
  const { score } = zxcvbn(password, words);
  if (score >= 4) return { score, good: true, words: t("Very hard to guess") };
  if (score >= limits.score) return { score, good: true, words: t("Hard to guess") };
  return { score: Math.max(score, 1), good: false, words: t("Easy to guess: add unrelated words") };
}

function leftWithout(words: readonly string[], password: string): number {
  let rest = password.toLowerCase();
  for (const word of [...words].sort((a, b) => b.length - a.length)) rest = rest.replaceAll(word.toLowerCase(), "");
  return [...rest].filter((char) => /[\p{L}\p{N}]/u.test(char)).length;
}

export function meter(input: HTMLInputElement): void {
  const limits = JSON.parse(input.dataset["strength"] ?? "") as Limits;
  const shown = document.createElement("p");
  shown.className = "strength";
  shown.setAttribute("role", "status");
  shown.append(...[1, 2, 3, 4].map(() => document.createElement("i")), document.createElement("span"));
  const words = shown.lastElementChild as HTMLElement;
  const update = (): void => {
    shown.hidden = input.value === "";
    if (shown.hidden) return;
    const said = verdict(input.value, limits, typedBeside(input));
    shown.dataset["good"] = String(said.good);
    shown.dataset["score"] = String(said.score);
    if (words.textContent !== said.words) words.textContent = said.words;
  };
  input.insertAdjacentElement("afterend", shown);
  input.form?.addEventListener("input", update);
  update();
}

/** Name and address typed in the same form: words somebody who knows the person tries first. */
function typedBeside(input: HTMLInputElement): string[] {
  const beside = input.form?.querySelectorAll<HTMLInputElement>("input[type=text], input[type=email]") ?? [];
  return [...beside].map((one) => one.value).filter((value) => value !== "");
}
