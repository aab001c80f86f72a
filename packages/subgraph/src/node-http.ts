import type { IncomingMessage, ServerResponse } from 'node:http';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { type Admission, answerWithError } from './http/admission.ts';

/** Handles an admitted request. */
export type AdmittedHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  token: VerifiedToken,
) => unknown;

/**
 * A request listener for servers of `node:https`. It passes admitted requests to `handle` and answers all others itself.
 * Where `handle` throws or rejects, the client gets the code of a `SecurityError`, and `INTERNAL_SERVER_ERROR` (HTTP 500)
 * for any other error.
 *
 * @example
 * const server = createServer(subgraph.tls, admitNodeHttp(subgraph, graphql));
 */
export function admitNodeHttp(
  { admit }: Pick<Admission, 'admit'>,
  handle: AdmittedHandler,
): (request: IncomingMessage, response: ServerResponse) => void {
  const run = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = await admit(request, response);
    if (token !== undefined) await handle(request, response, token);
  };
  return (request, response) => {
    run(request, response).catch((error: unknown) => {
      answerWithError(response, error);
    });
  };
}
