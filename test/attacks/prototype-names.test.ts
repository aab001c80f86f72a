import { describe, expect, test } from '@jest/globals';
import type { OracleCaller } from '../support/oracle-world.ts';
import { openGuardedFederation } from '../support/guarded-federation.ts';

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
const CALLER: OracleCaller = { authenticated: true, scopes: [], policies: [] };
const federation = openGuardedFederation({
  one: {
    sdl: `
      type Query { echo(text: String): String user: User secret: String @requiresScopes(scopes: [["s"]]) constructor: String prototype: User @requiresScopes(scopes: [["s"]]) }
      type User { name: String secret: String @requiresScopes(scopes: [["s"]]) }
    `,
    resolvers: {
      Query: {
        echo: (_: unknown, { text }: { text: string }) => text,
        user: () => ({ name: 'Ada', secret: 'x' }),
        constructor: () => 'a field like any other',
      },
    },
  },
});

describe.each(NAMES)('the name %s', (name) => {
  test('as an alias is a key like any other, also of a refused field', async () => {
    const { data, errors } = await federation.openGateway()({
      document: `{ ${name}: user { ${name}: name other: secret } plain: user { ${name}: secret } }`,
      caller: CALLER,
    });
    expect(own(data, name)).toEqual(expect.objectContaining({ other: null }));
    expect(own(own(data, name), name)).toBe('Ada');
    expect(own(own(data, 'plain'), name)).toBeNull();
    expect(errors.map(({ path }) => path)).toEqual([
      [name, 'other'],
      ['plain', name],
    ]);
    expect({}).not.toHaveProperty('other');
    expect(Object.prototype).not.toHaveProperty('name');
  });

  test('as a variable neither decides a condition nor gets lost', async () => {
    const variables = JSON.parse(`{ ${JSON.stringify(name)}: "hello" }`) as Record<string, unknown>;
    const { data } = await federation.openGateway()({
      document: `query ($${name}: String) { echo(text: $${name}) }`,
      variables,
      caller: CALLER,
    });
    expect(data).toEqual({ echo: 'hello' });
    await expect(
      federation.openGateway()({
        document: `query ($${name}: Boolean!) { echo @skip(if: $${name}) }`,
        caller: CALLER,
      }),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('as an operation or a fragment is found only where it is defined', async () => {
    const { data } = await federation.openGateway()({
      document: `query ${name} { user { ...${name} } } fragment ${name} on User { name secret }`,
      operationName: name,
      caller: CALLER,
    });
    expect(data).toEqual({ user: { name: 'Ada', secret: null } });
  });
});

test('fields of such names are guarded like any other', async () => {
  const { data, errors } = await federation.openGateway()({
    document: '{ constructor prototype { name } }',
    caller: CALLER,
  });
  expect(data).toEqual({ constructor: 'a field like any other', prototype: null });
  expect(errors.map(({ path }) => path)).toEqual([['prototype']]);
});

function own(value: unknown, name: string): unknown {
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
