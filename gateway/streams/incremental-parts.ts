import type { GraphQLFormattedError } from 'graphql';
import { placeRefusals, type RefusalPlacement } from '../authorize/place-refusals.ts';
import type { IncrementalEntry } from '../execute/incremental/incremental-delivery.ts';
import { errorResult } from './error-result.ts';
import type { StreamEnd } from './stream-end.ts';

/** What came later of one object, as its client reads it. */
export type LaterEntry = Omit<IncrementalEntry, 'errors'> & {
  readonly errors: readonly GraphQLFormattedError[];
};

const BOUNDARY = 'graphql';
const PART = '\r\nContent-Type: application/json; charset=utf-8\r\n\r\n';

/** `multipart/mixed;deferSpec=20220824`: each part ends with the next boundary, so that a client need not wait for more. */
export const INCREMENTAL = {
  contentType: `multipart/mixed;boundary="${BOUNDARY}";deferSpec=20220824`,
  opening: `\r\n--${BOUNDARY}`,
  part: (text: string): string => `${PART}${text}\r\n--${BOUNDARY}`,
  closing: '--\r\n',
} as const;

/** A whole result as what comes first. */
export function firstPart(text: string): string {
  return withNext(text, true);
}

/** A body of one result. */
export function wholeIncremental(text: string): string {
  return `${INCREMENTAL.opening}${INCREMENTAL.part(withNext(text, false))}${INCREMENTAL.closing}`;
}

export function laterPart(
  entries: readonly LaterEntry[],
  hasNext: boolean,
  placement: RefusalPlacement,
): string {
  const texts = entries.map(({ data, path, label, errors }) => {
    const name = label === undefined ? '' : `,"label":${JSON.stringify(label)}`;
    return `{"data":${data},"path":${JSON.stringify(path)}${name}${placeRefusals(errors, placement)}}`;
  });
  return `{"incremental":[${texts.join(',')}],"hasNext":${String(hasNext)}}`;
}

/** The end of an answer of which no more may be sent. */
export function lastPart(end: StreamEnd): string {
  return withNext(errorResult(end) ?? '{"errors":[]}', false);
}

function withNext(text: string, hasNext: boolean): string {
  return `${text.slice(0, -1)},"hasNext":${String(hasNext)}}`;
}
