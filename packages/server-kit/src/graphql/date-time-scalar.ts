import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

/** An instant (RFC 3339) of the years 1 to 9999; resolvers get it as text in UTC, with milliseconds. */
export const DateTimeScalar = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  serialize: (value) => String(value),
  parseValue: (value) => parseInstant(value),
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : undefined),
});

const INSTANT = /^(\d{4}-\d\d-\d\d)[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const YEARS = /^(?!0000)\d{4}-/;

function parseInstant(value: unknown): string {
  const [text, date] = typeof value === 'string' ? (INSTANT.exec(value) ?? []) : [];
  const instant = toIsoText(text);
  if (instant !== undefined && YEARS.test(instant) && toIsoText(date)?.startsWith(date ?? '') === true)
    return instant;
  throw new GraphQLError('not an instant of RFC 3339', { extensions: { code: 'BAD_USER_INPUT' } });
}

/** A day that its month does not have is taken for one of the next. */
function toIsoText(text: string | undefined): string | undefined {
  const milliseconds = Date.parse(text ?? '');
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString();
}
