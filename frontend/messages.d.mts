/** Types of messages.mjs for the tests. */
export type Form = string | { readonly one: string; readonly other: string };

export interface Message {
  readonly name: "t" | "tIn" | "tn";
  readonly key: string;
  readonly english: Form;
}

/** A node of the syntax tree; only what is asked of it. */
export interface Node {
  readonly type: string;
  readonly value: { readonly cooked?: string };
  readonly key?: { readonly name?: string; readonly type: string };
  readonly callee?: { readonly name?: string; readonly property?: { readonly name?: string } };
}

export const LANGUAGES: readonly string[];
export function catalogueFile(language: string): string;
export function sourceFiles(): readonly string[];
export function treeOf(file: string): Node;
export function walk(node: Node, visit: (node: Node, parents: readonly Node[]) => boolean): void;
export function textOf(node: Node): string | null;
export function messageOf(node: Node, file: string): Message | null;
export function allMessages(): ReadonlyMap<string, Message>;
export function placeholders(text: string): readonly string[];
export function renewed(messages: ReadonlyMap<string, Message>, old: Readonly<Record<string, Form>>): Record<string, Form>;
