import type { GraphQLFormattedError } from 'graphql';
import { placeRefusals, type RefusalPlacement } from '../authorize/place-refusals.ts';

/** One message of a stream, the same for all who share it. */
export interface StreamMessage {
  /** How many of its fields are null by rights. */
  readonly nulled: number;
  /** The JSON text; with an audit id among its extensions where one is given. */
  text(auditId?: string): string;
}

export function createStreamMessage(
  data: string,
  errors: readonly GraphQLFormattedError[],
  placement: RefusalPlacement,
): StreamMessage {
  let plain: string | undefined;
  const compose = (extensions: Readonly<Record<string, unknown>>): string =>
    `{"data":${data}${placeRefusals(errors, placement, extensions)}}`;
  return {
    nulled: errors.filter(({ extensions }) => extensions?.['code'] === 'UNAUTHORIZED_FIELD_OR_TYPE').length,
    text: (auditId) => (auditId === undefined ? (plain ??= compose({})) : compose({ auditId })),
  };
}
