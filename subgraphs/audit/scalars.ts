import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

/** A whole number of at most 15 digits, as a decimal string: what a seq or a size can be. */
export const BigIntScalar = new GraphQLScalarType<number, string>({
  name: 'BigInt',
  serialize: (value) => String(value),
  parseValue: (value) => parseWhole(typeof value === 'number' ? String(value) : value),
  parseLiteral: (node) =>
    parseWhole(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : undefined),
});

/** An instant (RFC 3339); kept as text for the database. */
export const DateTimeScalar = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  serialize: (value) => String(value),
  parseValue: (value) => parseInstant(value),
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : undefined),
});

const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

function parseWhole(value: unknown): number {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  throw new GraphQLError('not a whole number', { extensions: { code: 'BAD_USER_INPUT' } });
}

function parseInstant(value: unknown): string {
  if (typeof value === 'string' && INSTANT.test(value) && !Number.isNaN(Date.parse(value)))
    return new Date(value).toISOString();
  throw new GraphQLError('not an instant of RFC 3339', { extensions: { code: 'BAD_USER_INPUT' } });
}
