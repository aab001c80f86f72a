import { describe, expect, test } from '@jest/globals';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import {
  clientPart,
  createAnswerHeaders,
  headersToSubgraph,
} from '../../../gateway/subgraphs/forward-headers.ts';
import { parseSupergraphConfig } from '../../../gateway/supergraph/supergraph-config.ts';

const CLAIMS = {
  sub: 'bff',
  sub_iss: 'https://sts',
  client_id: 'bff',
  roles: ['a', 'b'],
  scope: 'x y',
  jti: 'j',
} as unknown as AccessTokenClaims;

function rulesOf(aduana: string) {
  const text = `subgraphs:\n  one:\n    routing_url: https://a/\n    schema: { file: a.graphql }\n    aduana: ${aduana}\n`;
  const { subgraphs } = parseSupergraphConfig(text, 'supergraph.yaml', {
    variables: {},
    allowPlainLoopback: false,
  });
  const one = subgraphs.get('one');
  if (one === undefined) throw new TypeError('no subgraph');
  return one.headers;
}
const problemOf = (aduana: string): string => {
  try {
    rulesOf(aduana);
    return 'none';
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems
      .map(({ subject, problem }) => `${subject}: ${problem}`)
      .join();
  }
};

describe('headers to a subgraph', () => {
  test('pass by name, under another name, or are set, and nothing else passes', () => {
    const rules = rulesOf(
      '{ headers: [X-Tenant], rename_headers: { x-client: x-app }, set_headers: { x-user: { claim: sub }, x-roles: { claim: roles }, x-via: { value: aduana } } }',
    );
    const client = {
      'x-tenant': 't',
      'x-client': 'c',
      'x-user': 'forged',
      'x-app': 'forged',
      cookie: 'c',
      'x-other': 'o',
    };
    expect(headersToSubgraph(rules, client, CLAIMS)).toEqual({
      'x-tenant': 't',
      'x-app': 'c',
      'x-user': 'bff',
      'x-roles': 'a b',
      'x-via': 'aduana',
    });
    expect(headersToSubgraph(rules, {}, CLAIMS)).toEqual({
      'x-user': 'bff',
      'x-roles': 'a b',
      'x-via': 'aduana',
    });
    expect(headersToSubgraph(rulesOf('{}'), client, CLAIMS)).toEqual({});
  });

  test('a claim of a foreign issuer cannot break out of its header', () => {
    const rules = rulesOf('{ set_headers: { x-user: { claim: sub } } }');
    expect(headersToSubgraph(rules, {}, { ...CLAIMS, sub: 'a\r\nauthorization: Bearer x' })).toEqual({
      'x-user': 'a%0D%0Aauthorization%3A%20Bearer%20x',
    });
    expect(headersToSubgraph(rules, {}, { ...CLAIMS, sub: 'josé' })).toEqual({ 'x-user': 'jos%C3%A9' });
  });

  test('requests that differ in what passes are distinguished', () => {
    const rules = rulesOf('{ headers: [x-a, x-b] }');
    const parts = [{ 'x-a': '1' }, { 'x-b': '1' }, { 'x-a': '1', 'x-b': '1' }, {}].map((client) =>
      clientPart(rules, client),
    );
    expect(new Set(parts).size).toBe(4);
    expect(clientPart(rules, { 'x-c': '1' })).toBe(clientPart(rules, {}));
  });
});

describe('headers of an answer', () => {
  test('reach the client by name or under another one, each once, with the distinct values of all subgraphs', () => {
    const one = rulesOf('{ response_headers: [x-cache], rename_response_headers: { x-tag: x-tags } }');
    const two = rulesOf('{ response_headers: [x-tags] }');
    const headers = createAnswerHeaders();
    headers.take(one, { 'x-cache': 'hit', 'x-tag': 'a', 'x-internal': 'secret', 'set-cookie': ['a=b'] });
    headers.take(two, { 'x-tags': ['a', 'b'], 'x-cache': 'leak' });
    expect(headers.all()).toEqual({ 'x-cache': 'hit', 'x-tags': 'a, b' });
  });
});

describe('header rules', () => {
  test.each([
    ['{ set_headers: { authorization: { value: x } } }', 'only the gateway sets'],
    ['{ rename_headers: { x-a: cookie } }', 'only the gateway sets'],
    ['{ rename_headers: { cookie: x-a } }', 'only the gateway sets'],
    ['{ response_headers: [Set-Cookie] }', 'only the gateway sets'],
    ['{ rename_response_headers: { x-a: access-control-allow-origin } }', 'only the gateway sets'],
    ['{ set_headers: { x-a: { claim: act } } }', 'is neither { claim:'],
    ['{ set_headers: { x-a: { value: "é" } } }', 'is not a header value'],
    ['{ headers: [x-a], set_headers: { x-a: { value: y } } }', 'two rules make the header x-a'],
    ['{ response_headers: [x-a], rename_response_headers: { x-b: x-a } }', 'two rules make the header x-a'],
    ['{ errors: everything }', 'supergraph.yaml:5: `subgraphs.one.aduana.errors`: is neither'],
  ])('%s is refused', (aduana, problem) => {
    expect(problemOf(aduana)).toContain(problem);
  });
});
