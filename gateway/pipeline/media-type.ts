import { SecurityError } from '@aduana/core/errors/security-error';

/** How an answer is labelled, and which status tells that a document cannot run. */
export interface MediaType {
  readonly contentType: string;
  readonly requestErrorStatus: 200 | 400;
}

const GRAPHQL_RESPONSE: MediaType = {
  contentType: 'application/graphql-response+json; charset=utf-8',
  requestErrorStatus: 400,
};
const JSON_UNASKED: MediaType = { contentType: 'application/json; charset=utf-8', requestErrorStatus: 400 };
/** A client that asks for plain JSON takes any status but 200 for a failure of the transport (GraphQL over HTTP, section 6.4.1). */
const JSON_ASKED: MediaType = { contentType: 'application/json; charset=utf-8', requestErrorStatus: 200 };

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
    .map((range) => range.split(';').map((part) => part.trim()))
    .filter(([, ...parameters]) => !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)))
    .map(([type]) => type);
  if (ranges.includes('application/graphql-response+json')) return GRAPHQL_RESPONSE;
  if (ranges.includes('application/json')) return JSON_ASKED;
  if (ranges.includes('*/*') || ranges.includes('application/*')) return JSON_UNASKED;
  throw new SecurityError('NOT_ACCEPTABLE');
}
