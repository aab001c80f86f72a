import { SecurityError } from '@aduana/core/errors/security-error';

/** The media type of an answer, and the status for a document that cannot run. */
export interface MediaType {
  readonly contentType: string;
  readonly requestErrorStatus: 200 | 400;
  /** How results are sent as they come; undefined where the client takes one whole answer alone. */
  readonly streams?: StreamKind | undefined;
  /** The client takes nothing but a stream, for queries and mutations as well. */
  readonly streamsOnly?: boolean;
  /** The client takes the answer to an operation with `@defer` in parts. */
  readonly incremental?: boolean;
}

export type StreamKind = 'event_stream' | 'multipart_subscription';

const GRAPHQL_RESPONSE: MediaType = {
  contentType: 'application/graphql-response+json; charset=utf-8',
  requestErrorStatus: 400,
};
const JSON_UNASKED: MediaType = { contentType: 'application/json; charset=utf-8', requestErrorStatus: 400 };
/** A client that asks for plain JSON takes any status but 200 for a failure of the transport (GraphQL over HTTP, section 6.4.1). */
const JSON_ASKED: MediaType = { contentType: 'application/json; charset=utf-8', requestErrorStatus: 200 };

interface Range {
  readonly type: string;
  readonly parameters: readonly string[];
}

/**
 * Chooses by the `Accept` header (GraphQL over HTTP, section 6.1).
 *
 * @throws SecurityError `NOT_ACCEPTABLE`
 */
export function chooseMediaType(accept: string | undefined): MediaType {
  if (accept === undefined || accept.trim() === '') return JSON_UNASKED;
  const ranges = accept
    .toLowerCase()
    .split(',')
    .map((range): Range => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
      return { type, parameters };
    })
    .filter(({ parameters }) => !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)));
  const streams = chooseStream(ranges);
  const incremental = ranges.some(isIncremental);
  const single = chooseSingle(ranges);
  const inParts = { ...(streams && { streams }), ...(incremental && { incremental }) };
  if (single !== undefined) return { ...single, ...inParts };
  if (streams === undefined && !incremental) throw new SecurityError('NOT_ACCEPTABLE');
  return { ...JSON_UNASKED, ...inParts, streamsOnly: true };
}

function isIncremental({ type, parameters }: Range): boolean {
  return type === 'multipart/mixed' && parameters.some((one) => /^deferspec="?20220824"?$/.test(one));
}

function chooseSingle(ranges: readonly Range[]): MediaType | undefined {
  const has = (name: string): boolean => ranges.some(({ type }) => type === name);
  if (has('application/graphql-response+json')) return GRAPHQL_RESPONSE;
  if (has('application/json')) return JSON_ASKED;
  return has('*/*') || has('application/*') ? JSON_UNASKED : undefined;
}

function chooseStream(ranges: readonly Range[]): StreamKind | undefined {
  for (const { type, parameters } of ranges) {
    if (type === 'text/event-stream') return 'event_stream';
    const isSubscription = parameters.some((parameter) => /^subscriptionspec="?1\.0"?$/.test(parameter));
    if (type === 'multipart/mixed' && isSubscription) return 'multipart_subscription';
  }
  return undefined;
}
