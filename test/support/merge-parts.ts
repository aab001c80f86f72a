import type { DocumentNode, SelectionNode, SelectionSetNode } from 'graphql';
import { Kind, OperationTypeNode, print, visit } from 'graphql';
import type { AnswerInParts } from './federation.ts';
import type { Draw } from './drawn-values.ts';

type Key = string | number;

/** What a client makes of the parts of an answer: merges them in their order. */
export function mergeParts({ first, parts }: Pick<AnswerInParts, 'first' | 'parts'>): unknown {
  const data = copy(first.data);
  for (const { path, data: more } of parts.flatMap(({ entries }) => entries)) {
    const into = path.reduce<unknown>((at, key) => own(at, key), data);
    if (more !== null) merge(into, more);
  }
  return data;
}

function merge(into: unknown, more: unknown): void {
  for (const [key, value] of Object.entries(more as object)) {
    const known = own(into, key);
    if (isObject(known) && isObject(value)) merge(known, value);
    else set(into as object, key, copy(value));
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function own(of: unknown, key: Key): unknown {
  return Object.getOwnPropertyDescriptor(of, key)?.value;
}

function set(of: object, key: Key, value: unknown): void {
  Object.defineProperty(of, key, { value, writable: true, enumerable: true, configurable: true });
}

function copy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** The text of a value with the members of its objects in one order. */
export function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${sorted(member)}`).join()}}`;
}

/** A document that asks the same, some of it later. */
export function deferSome(document: DocumentNode, draw: Draw): string {
  const isQuery = document.definitions.every(
    (one) => !('operation' in one) || one.operation === OperationTypeNode.QUERY,
  );
  if (!isQuery) return print(document); // fields of a mutation run in their order
  let labels = 0;
  return print(
    visit(document, {
      SelectionSet: {
        leave(set): SelectionSetNode | undefined {
          if (draw(3) > 0) return undefined;
          const later = set.selections.filter(() => draw(2) === 0);
          if (later.length === 0) return undefined;
          labels += 1;
          return {
            ...set,
            selections: [...set.selections.filter((one) => !later.includes(one)), defer(later, labels)],
          };
        },
      },
    }),
  );
}

function defer(selections: readonly SelectionNode[], label: number): SelectionNode {
  const name = (value: string) => ({ kind: Kind.NAME, value }) as const;
  const text = { kind: Kind.STRING, value: `l${String(label)}` } as const;
  return {
    kind: Kind.INLINE_FRAGMENT,
    directives: [
      { kind: Kind.DIRECTIVE, name: name('defer'), arguments: [{ kind: Kind.ARGUMENT, name: name('label'), value: text }] },
    ],
    selectionSet: { kind: Kind.SELECTION_SET, selections },
  }; // prettier-ignore
}
