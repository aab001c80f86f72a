import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission } from './http/admission.ts';

/** A middleware as Express and Connect call it; their own types are not needed. */
export type ExpressMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * A middleware that passes admitted requests on and answers all others itself. Use it before any other middleware; read
 * the token with `subgraph.tokenOf(request)`.
 *
 * @example
 * const app = express().use(admitExpress(subgraph)).use('/graphql', graphql);
 * const server = createServer(subgraph.tls, app);
 */
export function admitExpress({ admit }: Pick<Admission, 'admit'>): ExpressMiddleware {
  return (request, response, next) => {
    admit(request, response).then((token) => {
      if (token !== undefined) next();
    }, next);
  };
}
