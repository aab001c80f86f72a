import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { describe, expect, test } from '@jest/globals';
import { parseSupergraphConfig } from '../../../gateway/supergraph/supergraph-config.ts';

const VARIABLES = { STS_PORT: '8011' };

describe('supergraph.yaml', () => {
  test('is read in the format of Rover, variables expanded, files relative to it', () => {
    const text =
      'federation_version: =2.9.0\nsubgraphs:\n  sts:\n    routing_url: https://localhost:${STS_PORT}/graphql\n    schema: { file: ../sts/schema.graphql }\n  far:\n    routing_url: https://${env.STS_PORT}.example.com/\n    schema: { subgraph_url: https://far.example.com/ }\n';
    const { federationVersion, subgraphs } = parse(text);
    expect(federationVersion).toBe('=2.9.0');
    expect(subgraphs.get('sts')).toMatchObject({
      url: 'https://localhost:8011/graphql',
      schema: { file: '/srv/sts/schema.graphql' },
      audience: 'sts',
      timeoutMs: 5_000,
      clientCertificate: true,
    });
    expect(subgraphs.get('far')).toMatchObject({
      url: 'https://8011.example.com/',
      schema: { subgraphUrl: 'https://far.example.com/' },
    });
  });

  test.each([
    ['a variable that is not set', 'https://${NOPE}/', '', /variable NOPE is not set/],
    ['an unknown key', 'https://a/', 'aduana: { retries: 3 }', /retries/],
    ['an unknown circuit breaker', 'https://a/', 'aduana: { circuit_breaker: maybe }', /circuit_breaker/],
    [
      'a circuit that opens at once',
      'https://a/',
      'aduana: { circuit_breaker: { failures: 0 } }',
      /failures/,
    ],
    [
      'an unknown protocol of streams',
      'https://a/',
      'aduana: { subscriptions: { protocol: callback } }',
      /neither `sse` nor/,
    ],
    ...['https://evil.example/', '//evil.example/', '/\\evil.example/', 'graphql', '/a#b', '/a b'].map(
      (path) =>
        [
          `streams at ${path}`,
          'https://a/',
          `aduana: { subscriptions: { path: '${path}' } }`,
          /absolute path/,
        ] as const,
    ),
    ['no connection at all', 'https://a/', 'aduana: { max_connections: 0 }', /max_connections/],
    ['no URL', 'localhost', '', /not a URL|neither/],
    ['another protocol', 'ftp://a/', '', /neither https nor http/],
    ['credentials in the URL', 'https://user:pass@a/', '', /credentials/],
    ['plain http to another host', 'http://a.example/', '', /plain http/],
    ['plain http to a host that only looks like loopback', 'http://localhost.example/', '', /plain http/],
    ...[
      'Authorization',
      'cookie',
      'Host',
      'client-cert-chain',
      'forwarded',
      'x-forwarded-for',
      'DPoP',
      'connection',
    ].map(
      (name) =>
        [
          `the reserved header ${name}`,
          'https://a/',
          `aduana: { headers: [${name}] }`,
          /only the gateway sets|header/,
        ] as const,
    ),
  ])('refuses %s', (_, url, more, expected) => {
    const problems = problemsOf(
      `subgraphs:\n  one:\n    routing_url: "${url}"\n    schema: { file: a.graphql }\n    ${more}\n`,
    );
    expect(problems.join('\n')).toMatch(expected);
  });

  test('says how subscriptions are opened: by server-sent events at the same URL, if nothing is said', () => {
    const of = (aduana: string) =>
      parse(
        `subgraphs: { one: { routing_url: "https://a/", schema: { file: a.graphql }, aduana: ${aduana} } }`,
      ).subgraphs.get('one')?.subscriptions;
    expect(of('{}')).toEqual({ protocol: 'sse', path: undefined });
    expect(of('{ subscriptions: { protocol: graphql_ws, path: "/live?v=1" } }')).toEqual({
      protocol: 'graphql_ws',
      path: '/live?v=1',
    });
  });

  test('says how much a subgraph is asked at once, and when it is left alone', () => {
    const loadOf = (aduana: string) =>
      parse(
        `subgraphs: { one: { routing_url: "https://a/", schema: { file: a.graphql }, aduana: ${aduana} } }`,
      ).subgraphs.get('one')?.load;
    expect(loadOf('{}')).toEqual({
      circuitBreaker: { failures: 10, openMs: 2_000 },
      maxConnections: 128,
      maxWaiting: 2048,
    });
    expect(loadOf('{ circuit_breaker: off, max_connections: 4, max_waiting: 0 }')).toEqual({
      circuitBreaker: 'off',
      maxConnections: 4,
      maxWaiting: 0,
    });
    expect(loadOf('{ circuit_breaker: { open_ms: 500 } }')?.circuitBreaker).toEqual({
      failures: 10,
      openMs: 500,
    });
  });

  test('refuses plain http on loopback where mTLS is demanded, and only there', () => {
    const text = 'subgraphs: { one: { routing_url: "http://127.0.0.1:1/", schema: { file: a.graphql } } }';
    expect(parse(text).subgraphs.get('one')?.url).toBe('http://127.0.0.1:1/');
    expect(() => parseSupergraphConfig(text, 'a.yaml', { variables: {}, allowPlainLoopback: false })).toThrow(
      ConfigurationError,
    );
  });

  test('reports every problem at once, and duplicate keys', () => {
    const two =
      'subgraphs:\n  a: { routing_url: "ftp://a/", schema: { file: a } }\n  b: { routing_url: "http://b/", schema: { file: b } }\n';
    expect(problemsOf(two)).toHaveLength(2);
    expect(problemsOf('subgraphs: {}\nsubgraphs: {}\n')).toHaveLength(1);
  });
});

function parse(text: string) {
  return parseSupergraphConfig(text, '/srv/gateway/supergraph.yaml', {
    variables: VARIABLES,
    allowPlainLoopback: true,
  });
}

function problemsOf(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ problem }) => problem);
    throw error;
  }
  return [];
}
