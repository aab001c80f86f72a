import { describe, expect, test } from '@jest/globals';
import { readGraphqlRequests } from '../../../gateway/http/graphql-request.ts';
import { createServiceRequest } from '../../support/service-request.ts';

const JSON_HEADERS = { 'content-type': 'application/json; charset=UTF-8' };
const read = (body: unknown, batch: number | 'off' = 1) =>
  readGraphqlRequests(createServiceRequest({ headers: JSON_HEADERS }), Buffer.from(JSON.stringify(body)), {
    batch,
    values: 'off',
  });

describe('a GraphQL request over HTTP', () => {
  test('is read from a JSON body', () => {
    expect(read({ query: '{ a }', operationName: 'Q', variables: { x: 1 } }).requests).toMatchObject([
      { query: '{ a }', operationName: 'Q', variables: { x: 1 }, queriesOnly: false },
    ]);
  });

  test('may leave out variables, or send null for them', () => {
    expect(read({ query: '{ a }', variables: null }).requests[0]?.variables).toEqual({});
  });

  test('is read from a query string, for queries only', () => {
    const request = createServiceRequest({
      method: 'GET',
      search: 'query={a}&variables={"x":1}',
      headers: { authorization: 'Bearer x' },
    });
    expect(readGraphqlRequests(request, undefined, { batch: 1, values: 'off' }).requests).toMatchObject([
      { query: '{a}', variables: { x: 1 }, queriesOnly: true },
    ]);
  });

  test.each([
    [null],
    ['text'],
    [42],
    [{ query: 1 }],
    [{ query: '{ a }', variables: [] }],
    [{ query: '{ a }', extensions: 'x' }],
  ])('is refused as malformed: %j', (body) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST', status: 400 }));
  });

  test('is refused where the body is not JSON', () => {
    const request = createServiceRequest({ headers: JSON_HEADERS });
    expect(() => readGraphqlRequests(request, Buffer.from('{'), { batch: 1, values: 'off' })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
  });

  test('is refused where a parameter of the query string comes twice', () => {
    const request = createServiceRequest({
      method: 'GET',
      search: 'query={a}&query={b}',
      headers: { authorization: 'Bearer x' },
    });
    expect(() => readGraphqlRequests(request, undefined, { batch: 1, values: 'off' })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
  });

  test('a batch is refused by default, and beyond its limit', () => {
    const batch = [{ query: '{ a }' }, { query: '{ b }' }, { query: '{ c }' }];
    expect(() => read(batch)).toThrow(expect.objectContaining({ code: 'LIMIT_BATCH_EXCEEDED', status: 400 }));
    expect(() => read(batch, 2)).toThrow(expect.objectContaining({ code: 'LIMIT_BATCH_EXCEEDED' }));
    expect(read(batch, 3).requests).toHaveLength(3);
  });
});
