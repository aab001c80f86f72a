import { describe, expect, test } from '@jest/globals';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { policyFolder } from '../../../support/policy-folder.ts';

const IAM = 'version: 1\nroles:\n  bff: { permissions: [leads:read] }\n';

/** The problems of a folder as `file:line: problem`. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const folder = await policyFolder(files);
  const error: unknown = await loadPolicies(folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  return (error as ConfigurationError).problems.map(({ subject, problem }) => {
    expect(dirname(subject)).toBe(folder);
    return `${basename(subject)}: ${problem}`;
  });
}

const iam = (text: string) => problemsOf({ 'iam_policies.yaml': `version: 1\n${text}` });

describe('policy files', () => {
  test('the shipped ones load, and their hash is that of their content', async () => {
    const sources = await loadPolicies('policies');
    expect([...sources.services.keys()].sort()).toEqual([
      'actuator',
      'admin',
      'audit',
      'auditor',
      'bff',
      'console',
      'gateway',
      'leads',
      'operator',
      'sts',
    ]);
    expect(sources.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(sources.sha256).toBe((await loadPolicies('policies')).sha256);
    expect(sources.services.get('bff')?.token).toEqual({
      maxTtlSeconds: 900,
      audiences: ['gateway', 'console'],
    });
    expect(sources.services.get('gateway')?.exchange).toEqual({
      audiences: ['*'],
      scopes: ['**'],
      subjects: ['x509_svid'],
      join: true,
      policies: true,
    });
  });

  test('a rule knows its file and line', async () => {
    const sources = await loadPolicies(await policyFolder({ 'iam_policies.yaml': IAM }));
    expect(sources.roles.get('bff')?.rules[0]?.location).toBe('iam_policies.yaml:3');
  });

  test('each problem of all files is reported at once, with its line', async () => {
    const problems = await problemsOf({
      'iam_policies.yaml': 'version: 1\nroles:\n  bff:\n    permissions: [leads:read]\n    color: red\n',
      'service_identities.yaml': 'version: 1\nservices:\n  bff: { roles: [nobody] }\n  bff: {}\n',
      'trusted_issuers.yaml':
        'version: 1\nissuers:\n  - { issuer: "https://i", jwks_uri: "http://i/jwks", algorithms: [HS256], audience: a }\n',
    });
    expect(problems).toEqual([
      'iam_policies.yaml:5: `roles.bff` has the unknown key `color`',
      'service_identities.yaml:4: has the key `bff` twice',
      expect.stringMatching(/^trusted_issuers.yaml:3: `issuers.0.jwks_uri`: is not an https URL/),
      expect.stringMatching(/^trusted_issuers.yaml:3: `issuers.0.algorithms.0`: is none of RS256/),
    ]);
  });

  test.each([
    ['iam_policies.yaml', 'version: 2\n', 'docs/policies.md'],
    ['service_identities.yaml', 'version: 2\nservices: {}\n', 'docs/policies.md'],
    ['trusted_issuers.yaml', 'version: 2\nissuers: []\n', 'docs/identity-provider.md'],
  ])('a wrong value in %s is reported with the guide that explains the file', async (file, text, guide) => {
    const folder = await policyFolder({ 'iam_policies.yaml': IAM, [file]: text });
    await expect(loadPolicies(folder)).rejects.toMatchObject({
      problems: expect.arrayContaining([expect.objectContaining({ remedy: `See ${guide}` })]),
    });
    expect(await readFile(guide, 'utf8')).toContain(file);
  });

  test('tags, anchors, aliases and merge keys are refused', async () => {
    expect(await iam('permissions: &a [x]\nroles: !foo {}\npolicies: *a\nconditions: { <<: 1 }\n')).toEqual([
      'iam_policies.yaml:2: uses an anchor',
      'iam_policies.yaml:3: uses a tag',
      'iam_policies.yaml:4: uses an alias',
      'iam_policies.yaml:5: has a key that is not accepted',
    ]);
  });

  test('an alias bomb does not grow before it is refused', async () => {
    const lines = Array.from(
      { length: 20 },
      (_, n) => `a${String(n + 1)}: &a${String(n + 1)} [*a${String(n)}, *a${String(n)}]`,
    );
    expect(await iam(`a0: &a0 [x]\n${lines.join('\n')}\n`)).toHaveLength(61);
  });

  test.each([
    '',
    '# nothing\n',
    'a: 1\n---\nb: 2\n',
    '\u0000',
    '['.repeat(200),
    '? [a, b]\n: 1\n',
    '__proto__: {}\n',
  ])('no strict document: %j', async (text) => {
    expect(await problemsOf({ 'iam_policies.yaml': text })).not.toHaveLength(0);
  });

  test('inheritance that comes back to itself is printed', async () => {
    expect(
      await iam('roles:\n  a: { inherits: [b] }\n  b: { inherits: [c] }\n  c: { inherits: [b] }\n'),
    ).toEqual(['iam_policies.yaml:4: the role contains itself: b -> c -> b']);
  });

  test('conditions that contain themselves are printed', async () => {
    expect(await iam('conditions:\n  a: { all_of: [b] }\n  b: { any_of: [a] }\n')).toEqual([
      'iam_policies.yaml:3: the condition contains itself: a -> b -> a',
    ]);
  });

  test('names that stand for nothing are reported where they are written', async () => {
    const problems = await problemsOf({
      'iam_policies.yaml':
        'version: 1\nroles:\n  a:\n    inherits: [b]\n    permissions:\n      - x:y\n      - { deny: x:y, unless: [never] }\npolicies:\n  p: { roles: [c], when: [d] }\n',
      'trusted_issuers.yaml':
        'version: 1\nissuers:\n  - { issuer: "https://i", jwks_uri: "https://i/jwks", algorithms: [ES256], audience: a, claims: { groups: { x: z } } }\n',
    });
    expect(problems).toEqual([
      'iam_policies.yaml:3: names the unknown role `b`',
      'iam_policies.yaml:7: names the unknown condition `never`',
      'iam_policies.yaml:9: names the unknown role `c`',
      'iam_policies.yaml:9: names the unknown condition `d`',
      'trusted_issuers.yaml:3: names the unknown role `z`',
    ]);
  });

  test.each([
    ['roles: { a: { permissions: ["x:**:y"] } }', 'is not a permission such as'],
    ['roles: { a: { permissions: ["lead*"] } }', 'is not a permission such as'],
    ['roles: { a: { permissions: ["x y"] } }', 'is not a permission such as'],
    ['roles: { a: { permissions: [{ allow: x, deny: x }] } }', 'needs one of `allow` and `deny`'],
    [
      'roles: { a: { permissions: [{ deny: x, constraints: { max_ttl_seconds: 1 } }] } }',
      'takes no constraints',
    ],
    ['conditions: { a: {} }', 'asks for nothing'],
    ['conditions: { a: { time: { zone: Europe/Atlantis } } }', 'is not an IANA time zone'],
    ['conditions: { a: { time: { zone: UTC, from: "25:00" } } }', 'is not a time'],
    ['conditions: { a: { cidr: ["10.0.0.0/33"] } }', 'is not an address or a range'],
    ['conditions: { a: { spiffe: ["https://x"] } }', 'is not a SPIFFE ID'],
    ['permissions: ["x:*"]', 'is not a concrete permission'],
    ['version: 2', 'has the key `version` twice'],
  ])('%s is refused', async (text, problem) => {
    expect(await iam(text)).toEqual([expect.stringContaining(problem)]);
  });

  test("a private key among a service's keys is refused and not repeated", async () => {
    const problems = await problemsOf({
      'iam_policies.yaml': IAM,
      'service_identities.yaml':
        'version: 1\nservices:\n  bff: { jwks: { keys: [{ kty: EC, crv: P-256, x: a, y: b, d: topsecret }] } }\n',
    });
    expect(problems).toEqual([expect.stringContaining('holds a private key')]);
    expect(problems.join()).not.toContain('topsecret');
  });

  test('two services do not share a SPIFFE ID', async () => {
    expect(
      await problemsOf({
        'iam_policies.yaml': IAM,
        'service_identities.yaml':
          'version: 1\nservices:\n  a: { spiffe_id: spiffe://d/x }\n  b: { spiffe_id: spiffe://d/x }\n  c: { authentication: [tls_client_auth] }\n',
      }),
    ).toEqual([
      'service_identities.yaml:4: `b` has the SPIFFE ID of `a`',
      'service_identities.yaml:5: `c` authenticates by certificate and has no SPIFFE ID',
    ]);
  });

  test('two services whose secrets one variable would seed are refused', async () => {
    expect(
      await problemsOf({
        'iam_policies.yaml': IAM,
        'service_identities.yaml':
          'version: 1\nservices:\n  my-service: { spiffe_id: spiffe://d/x }\n  my_service: { spiffe_id: spiffe://d/y }\n',
      }),
    ).toEqual([
      'service_identities.yaml:4: `my_service` and `my-service` share the variable MY_SERVICE_CLIENT_SECRET',
    ]);
  });

  test('a key set file is read, and its content is part of the hash', async () => {
    const files = (x: string) => ({
      'iam_policies.yaml': IAM,
      'service_identities.yaml': 'version: 1\nservices:\n  bff: { jwks_file: bff.jwks.json }\n',
      'bff.jwks.json': JSON.stringify({ keys: [{ kty: 'EC', crv: 'P-256', x, y: 'b' }] }),
    });
    const [one, two] = await Promise.all(
      ['a', 'c'].map(async (x) => loadPolicies(await policyFolder(files(x)))),
    );
    expect(one?.services.get('bff')?.jwks).toEqual([{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }]);
    expect(one?.sha256).not.toBe(two?.sha256);
    expect(one?.files).toEqual(['bff.jwks.json', 'iam_policies.yaml', 'service_identities.yaml']);
  });

  test('a missing folder is one problem that says what to do', async () => {
    await expect(loadPolicies('/nowhere/at/all')).rejects.toThrow(
      'iam_policies.yaml: does not exist. Check POLICIES_DIR',
    );
  });

  test('an issuer may map nested claims to roles and scopes', async () => {
    const { issuers } = await loadPolicies(
      await policyFolder({
        'iam_policies.yaml': IAM,
        'trusted_issuers.yaml':
          'version: 1\nissuers:\n  - { issuer: "https://i", jwks_uri: "https://i/jwks", algorithms: [ES256], audience: a, typ: AT+JWT, subject_claim: oid, claims: { realm.roles: { x: bff, y: [bff] } }, scope_claims: { scp: { r: ["leads:read"] } } }\n',
      }),
    );
    expect(issuers.get('https://i')).toMatchObject({
      typ: 'at+jwt',
      subjectClaim: 'oid',
      roleClaims: new Map([
        [
          'realm.roles',
          new Map([
            ['x', ['bff']],
            ['y', ['bff']],
          ]),
        ],
      ]),
      scopeClaims: new Map([['scp', new Map([['r', ['leads:read']]])]]),
    });
  });
});
