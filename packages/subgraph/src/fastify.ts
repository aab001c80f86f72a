import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission } from './http/admission.ts';

/** An `onRequest` hook as Fastify calls it; its own types are not needed. */
export type FastifyHook = (
  request: { readonly raw: IncomingMessage },
  reply: { readonly raw: ServerResponse; hijack(): unknown },
) => Promise<void>;

/**
 * An `onRequest` hook that passes admitted requests on and answers all others itself. Read the token with
 * `subgraph.tokenOf(request.raw)`.
 *
 * @example
 * const app = fastify({ https: subgraph.tls });
 * app.addHook('onRequest', admitFastify(subgraph));
 */
export function admitFastify({ admit }: Pick<Admission, 'admit'>): FastifyHook {
  return async (request, reply) => {
    if ((await admit(request.raw, reply.raw)) === undefined) reply.hijack();
  };
}
