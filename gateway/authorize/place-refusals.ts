import type { GraphQLFormattedError } from 'graphql';

/** Where a client reads which fields it was refused: `errors`, as everything else; `extensions`, beside; or nowhere. */
export type RefusalPlacement = 'errors' | 'extensions' | 'none';

const NO_EXTENSIONS: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * The members of an answer that hold errors, as JSON text that begins with a comma where there are any.
 *
 * @param more further members of `extensions`
 */
export function placeRefusals(
  errors: readonly GraphQLFormattedError[],
  placement: RefusalPlacement,
  more = NO_EXTENSIONS,
): string {
  const own = Object.keys(more).length === 0 ? '' : `,"extensions":${JSON.stringify(more)}`;
  if (errors.length === 0) return own;
  if (placement === 'errors') return `,"errors":${JSON.stringify(errors)}${own}`;
  const refusals = errors.filter(isRefusal);
  const others = errors.filter((error) => !isRefusal(error));
  const members = others.length === 0 ? '' : `,"errors":${JSON.stringify(others)}`;
  if (refusals.length === 0 || placement === 'none') return `${members}${own}`;
  return `${members},"extensions":${JSON.stringify({ ...more, authorizationErrors: refusals })}`;
}

function isRefusal({ extensions }: GraphQLFormattedError): boolean {
  return extensions?.['code'] === 'UNAUTHORIZED_FIELD_OR_TYPE';
}
