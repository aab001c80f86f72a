import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Ends any answer of a store that grows beyond `maxBytes`, whatever length it declares: objects, lists and refusals alike.
 *
 * @param tooLarge what the call then fails with
 */
export function boundAnswers(client: S3Client, maxBytes: number, tooLarge: () => Error): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { body?: unknown };
      if (response.body instanceof Readable) response.body = bounded(response.body, maxBytes, tooLarge);
      return result;
    },
    // next to the connection: before the SDK reads anything
    { step: 'deserialize', priority: 'low', name: 'boundAnswers' },
  );
}

function bounded(body: Readable, maxBytes: number, tooLarge: () => Error): Readable {
  let left = maxBytes;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      left -= chunk.length;
      if (left < 0) done(tooLarge());
      else done(null, chunk);
    },
  });
  // whoever reads gets the error; this ends the other stream too
  return pipeline(body, counted, () => undefined);
}
