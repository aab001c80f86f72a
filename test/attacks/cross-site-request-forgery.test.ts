import { expect, test } from '@jest/globals';
import { readGraphqlRequests } from '../../gateway/http/graphql-request.ts';
import { createServiceRequest } from '../support/service-request.ts';

const QUERY = Buffer.from('{"query":"{ __typename }"}');

test.each([
  undefined,
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain; application/json',
  'application/json, text/plain',
  'application/jsonp',
])('a POST as %s, which a form could send without asking, is refused', (contentType) => {
  const request = createServiceRequest({
    headers: contentType === undefined ? {} : { 'content-type': contentType },
  });
  expect(() => readGraphqlRequests(request, QUERY, { batch: 1, values: 'off' })).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 }),
  );
});

test.each([
  'application/json; charset=utf-16',
  'application/json; charset=ibm037',
  'application/json;charset=x',
])('the charset of %s is refused before the body is decoded', (contentType) => {
  const request = createServiceRequest({ headers: { 'content-type': contentType } });
  expect(() => readGraphqlRequests(request, QUERY, { batch: 1, values: 'off' })).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED_MEDIA_TYPE' }),
  );
});

const PEER = {
  spiffeId: 'spiffe://aduana.local/bff',
  thumbprint: 'thumb',
  chain: [Buffer.from('der')],
  notAfter: Infinity,
};

test.each([undefined, PEER])(
  'a GET that a link could make is refused, whatever certificate comes with it: %j',
  (peer) => {
    const request = createServiceRequest({ method: 'GET', search: 'query={__typename}', peer });
    expect(() => readGraphqlRequests(request, undefined, { batch: 1, values: 'off' })).toThrow(
      expect.objectContaining({ code: 'CSRF_PREVENTED', status: 400 }),
    );
  },
);

test.each(['text/plain', 'application/x-www-form-urlencoded', ' ', 'x/y; z'])(
  'a GET with the odd Content-Type %j does not pass for one that the browser asked about',
  (contentType) => {
    const headers = { 'content-type': contentType };
    const request = createServiceRequest({ method: 'GET', search: 'query={__typename}', headers });
    expect(() => readGraphqlRequests(request, undefined, { batch: 1, values: 'off' })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_MEDIA_TYPE' }),
    );
  },
);
