import { isAscii } from 'node:buffer';
import { CallError } from '@aduana/core/mtls-client/call-error';
import type { HeldBytes } from '../limits/held-bytes.ts';
import { parsedBytes } from '../limits/parsed-bytes.ts';
import type { SubgraphAnswer } from './subgraph-fetcher.ts';

/**
 * The JSON object of an answer, if it is one.
 *
 * @throws CallError `no_room` where its values would take more than is left
 */
export function readAnswer(body: Buffer, held: HeldBytes): SubgraphAnswer | undefined {
  const text = body.toString(isAscii(body) ? 'latin1' : 'utf8');
  if (!held.take(parsedBytes(text)))
    throw new CallError('OVERLOADED', 'no_room', {
      detail: 'no room for its values',
      retryAfterSeconds: 1,
    });
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null && !Array.isArray(answer) ? answer : undefined;
  } catch {
    return undefined;
  }
}
