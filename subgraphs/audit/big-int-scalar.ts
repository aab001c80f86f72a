import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

/** A whole number of at most 15 digits, as a decimal string: what a seq or a size can be. */
export const BigIntScalar = new GraphQLScalarType<number, string>({
  name: 'BigInt',
  serialize: (value) => String(value),
  parseValue: (value) => parseWhole(typeof value === 'number' ? String(value) : value),
  parseLiteral: (node) =>
    parseWhole(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : undefined),
});

function parseWhole(value: unknown): number {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  throw new GraphQLError('not a whole number', { extensions: { code: 'BAD_USER_INPUT' } });
}
