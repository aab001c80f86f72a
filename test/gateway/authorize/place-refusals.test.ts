import { describe, expect, test } from '@jest/globals';
import { placeRefusals } from '../../../gateway/authorize/place-refusals.ts';

const REFUSAL = {
  message: 'Unauthorized field or type',
  path: ['a'],
  extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
};
const FAILURE = {
  message: 'A subgraph did not answer',
  path: ['b'],
  extensions: { code: 'SUBGRAPH_UNAVAILABLE' },
};
const read = (
  errors: Parameters<typeof placeRefusals>[0],
  placement: Parameters<typeof placeRefusals>[1],
): unknown => JSON.parse(`{"data":null${placeRefusals(errors, placement)}}`);

describe('where refusals are reported', () => {
  test.each([
    ['errors', { errors: [REFUSAL, FAILURE] }],
    ['extensions', { errors: [FAILURE], extensions: { authorizationErrors: [REFUSAL] } }],
    ['none', { errors: [FAILURE] }],
  ] as const)('%s', (placement, told) => {
    expect(read([REFUSAL, FAILURE], placement)).toEqual({ data: null, ...told });
    expect(read([], placement)).toEqual({ data: null });
  });

  test('an answer with refusals alone has no `errors` where they are placed elsewhere', () => {
    expect(read([REFUSAL], 'none')).toEqual({ data: null });
    expect(read([REFUSAL], 'extensions')).toEqual({
      data: null,
      extensions: { authorizationErrors: [REFUSAL] },
    });
  });
});
