import { expect, test } from '@jest/globals';
import { assertValidSchema, parse, printSchema, validate } from 'graphql';
import { buildVisibleSchema } from '../../gateway/authorize/visible-schema.ts';

const DOCUMENT = parse(`
  directive @format(as: Format!, options: [Options!]) on FIELD
  enum Format { SHORT LONG }
  input Options { unit: Unit deep: Options }
  enum Unit { METRE }
  input Hidden { secret: Int }
  type Query { open: String vault(by: Hidden): Int }
`);

test('a caller sees the types of the arguments of a directive, and of hidden fields none', () => {
  const visible = buildVisibleSchema(DOCUMENT, ['Query'], {
    type: () => true,
    field: (_parent, name) => name !== 'vault',
  });
  assertValidSchema(visible);
  for (const name of ['Format', 'Options', 'Unit']) expect(visible.getType(name)).toBeDefined();
  expect(visible.getType('Hidden')).toBeUndefined();
  expect(printSchema(visible)).toContain('enum Unit');
  expect(validate(visible, parse('{ open @format(as: LONG, options: [{ unit: METRE }]) }'))).toEqual([]);
});
