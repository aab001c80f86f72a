import { expect, test } from '@jest/globals';
import { chooseMediaType } from '../../../gateway/http/media-type.ts';

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

test.each([
  ['multipart/mixed;deferSpec=20220824, application/json', { incremental: true, requestErrorStatus: 200 }],
  ['multipart/mixed; deferSpec="20220824"', { incremental: true, streamsOnly: true }],
  ['multipart/mixed;deferSpec=20990101, application/json', { requestErrorStatus: 200 }],
  ['multipart/mixed;deferSpec=20220824;q=0, application/json', { requestErrorStatus: 200 }],
])('Accept %s says whether answers may come in parts', (accept, expected) => {
  const { incremental, ...chosen } = chooseMediaType(accept);
  expect({ ...chosen, ...(incremental && { incremental }) }).toMatchObject(expected);
  expect(incremental).toBe('incremental' in expected ? true : undefined);
});
