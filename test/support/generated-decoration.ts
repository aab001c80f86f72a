import { hash } from './drawn-values.ts';

/** What a subgraph needs so that `@mark` is in the supergraph too. */
export const MARK = `
  extend schema @link(url: "https://example.com/mark/v1.0", import: ["@mark"]) @composeDirective(name: "@mark")
  directive @mark(of: String) on FIELD_DEFINITION | OBJECT
`;

/** The rights that the guards below ask for. */
export const DECORATION_RIGHTS = { scopes: ['s'], policies: ['p'] } as const;

const GUARDS = ['@authenticated', '@requiresScopes(scopes: [["s"]])', '@policy(policies: [["p"]])'];
const OTHERS = ['@tag(name: "t")', '@cost(weight: 3)', '@deprecated(reason: "old")', '@mark(of: "x")'];

/** Directives of a field that change no answer of a caller who may do everything. */
export function decorate(
  place: string,
  salt: number,
  field: { isList: boolean; mayBeGuarded: boolean },
): string {
  const choices = [
    ...OTHERS,
    ...(field.isList ? ['@listSize(assumedSize: 4)'] : []),
    ...(field.mayBeGuarded ? GUARDS : []),
  ];
  return choices[hash(`${place} ${String(salt)}`) % (3 * choices.length)] ?? '';
}
