import type { GraphQLFormattedError } from 'graphql';

/** Where a client reads which fields it was refused: `errors`, as everything else; `extensions`, beside; or nowhere. */
export type RefusalPlacement = 'errors' | 'extensions' | 'none';

/** The members of an answer that tell errors, as JSON text that begins with a comma where there are any. */
export function placeRefusals(errors: readonly GraphQLFormattedError[], placement: RefusalPlacement): string {
  if (errors.length === 0) return '';
  if (placement === 'errors') return `,"errors":${JSON.stringify(errors)}`;
  const refusals = errors.filter(isRefusal);
  const others = errors.filter((error) => !isRefusal(error));
  const told = others.length === 0 ? '' : `,"errors":${JSON.stringify(others)}`;
  if (refusals.length === 0 || placement === 'none') return told;
  return `${told},"extensions":${JSON.stringify({ authorizationErrors: refusals })}`;
}

function isRefusal({ extensions }: GraphQLFormattedError): boolean {
  return extensions?.['code'] === 'UNAUTHORIZED_FIELD_OR_TYPE';
}
