import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { z } from 'zod';

/**
 * The JSON body of a request in the shape that is asked for.
 *
 * @throws SecurityError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `BAD_REQUEST`
 */
export async function readJson<Shape>(
  request: ServiceRequest,
  shape: z.ZodType<Shape>,
  limitBytes: number,
): Promise<Shape> {
  if (!/^application\/json(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new SecurityError('UNSUPPORTED_MEDIA_TYPE');
  const parsed = shape.safeParse(parse((await request.body(limitBytes)).toString('utf8')));
  if (!parsed.success) throw new SecurityError('BAD_REQUEST', { detail: 'the body has another shape' });
  return parsed.data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
}
