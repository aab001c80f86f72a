import { describe, expect, it } from '@jest/globals';
import { buildSchema, Kind, parse, print } from 'graphql';
import {
  clientVariable,
  fetchKey,
  plannersFields,
  renameVariables,
  stripUnresolvableKeys,
} from '../../../gateway/planner/planner-workarounds.ts';

const DIRECTIVES = `
  enum G { A B }
  directive @join__type(graph: G!, key: String, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
  directive @join__field(graph: G, requires: String) repeatable on FIELD_DEFINITION
`;
const supergraph = (sdl: string) => buildSchema(DIRECTIVES + sdl);

const POSTS = supergraph(`
  type Query { a: Post }
  interface Commented { comments(limit: Int): Int }
  type Blog implements Commented { comments(limit: Int): Int }
  type Post implements Commented @join__type(graph: A, key: "id code { major }") {
    id: ID
    code: Code
    comments(limit: Int): Int
    score: Int
    summary: Int @join__field(graph: B, requires: "comments(limit: 3) score")
  }
  type Code { major: Int }
`);

describe('the fields that the planner means', () => {
  const known = plannersFields(POSTS);

  it.each([
    ['comments', 'Post.score'],
    ['id', 'Post.score'],
    ['major', 'Code.minor'],
    ['score', 'Post.summary'],
    ['__typename', 'Post.id'],
    ['client__x', 'Post.id'],
    ['planner__0__comments', 'Post.id'],
  ])('are kept apart from a client that asks for %s: %s', (responseKey, coordinate) => {
    expect(fetchKey(responseKey, coordinate, known)).toBe(`client__${responseKey}`);
  });

  it.each([
    ['id', 'Post.id'],
    ['comments', 'Post.comments'],
    ['score', 'Post.score'],
    ['title', 'Post.summary'],
    ['__typename', 'Post.__typename'],
  ])('are left alone where a client asks for %s: %s', (responseKey, coordinate) => {
    expect(fetchKey(responseKey, coordinate, known)).toBe(responseKey);
  });
});

describe('keys that cannot be resolved', () => {
  it('leave the schema where the subgraph has another one, and only there', () => {
    const stripped = stripUnresolvableKeys(`
      type Order @join__type(graph: A, key: "id") @join__type(graph: A, key: "code", resolvable: false)
        @join__type(graph: B, key: "code", resolvable: false) { id: ID }
    `);
    expect(stripped).toBe(
      'type Order @join__type(graph: A, key: "id") @join__type(graph: B, key: "code", resolvable: false) {\n  id: ID\n}',
    );
  });
});

describe("a client's variables", () => {
  it('get other names where the planner has its own', () => {
    const [operation] = parse(
      'query ($representations: Int, $x: Int, $contextualArgument_1_0: Int) { a(b: $representations, c: $x, d: $contextualArgument_1_0) }',
    ).definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new TypeError('no operation');
    const text = print(renameVariables(operation));
    expect(text).toContain('$client__representations: Int, $x: Int, $client__contextualArgument_1_0: Int');
    expect(text).toContain('a(b: $client__representations, c: $x, d: $client__contextualArgument_1_0)');
    expect(['client__representations', 'x'].map(clientVariable)).toEqual(['representations', 'x']);
  });
});
