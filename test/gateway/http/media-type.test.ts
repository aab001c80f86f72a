import { expect, test } from '@jest/globals';
import { chooseMediaType } from '../../../gateway/pipeline/media-type.ts';

test.each([
  [undefined, 'application/json; charset=utf-8', 400],
  ['*/*', 'application/json; charset=utf-8', 400],
  ['application/json', 'application/json; charset=utf-8', 200],
  ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8', 400],
  [
    'application/json, application/graphql-response+json;q=0.9',
    'application/graphql-response+json; charset=utf-8',
    400,
  ],
  ['application/graphql-response+json;q=0, */*', 'application/json; charset=utf-8', 400],
])(
  'Accept %s is answered as %s, a document that cannot run with %i',
  (accept, contentType, requestErrorStatus) => {
    expect(chooseMediaType(accept)).toEqual({ contentType, requestErrorStatus });
  },
);

test('what is served in no accepted type is refused', () => {
  expect(() => chooseMediaType('text/html')).toThrow(
    expect.objectContaining({ code: 'NOT_ACCEPTABLE', status: 406 }),
  );
});
