import type { openDoubleLog } from './double-log.ts';

import { ADMIN } from './console-permissions.ts';

type DoubleLog = ReturnType<typeof openDoubleLog>;
type Variables = Readonly<Record<string, unknown>>;

const SHA = '5f'.repeat(32);

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}

/** What each operation of the pages is answered with. */
export function answerOf(operation: string, variables: Variables, log: DoubleLog): Readonly<Record<string, unknown>> {
  const answer = ANSWERS[operation];
  if (answer === undefined) throw new TypeError(`no answer to ${operation}`);
  return answer(variables, log);
} // prettier-ignore

type Answer = (variables: Variables, log: DoubleLog) => Readonly<Record<string, unknown>>;

const logAnswers: Readonly<Record<string, Answer>> = {
  LogSummary: (_, log) => ({ auditIntegrity: integrityOf(log) }),
  Integrity: (_, log) => ({ auditIntegrity: integrityOf(log), auditCheckpoint: log.checkpoint() }),
  Requests: ({ filter, last, before }, log) => ({ auditEvents: pageOf(log, filter as Variables, Number(last), before) }),
  Request: ({ id }, log) => ({ auditEvent: log.events.find((event) => event.id === id) ?? null }),
  Proof: ({ seq }, log) => ({
    auditInclusionProof: {
      seq,
      size: log.checkpoint().size,
      leafHash: log.events[Number(seq)]?.leafHash,
      hashes: log.inclusion(Number(seq)),
      checkpoint: log.checkpoint(),
    },
    auditIntegrity: { vkey: log.vkey },
  }),
  Consistency: ({ from, to }, log) => ({
    older: log.checkpoint(Number(from)),
    newer: log.checkpoint(Number(to)),
    auditConsistencyProof: { from, to, hashes: log.consistency(Number(from), Number(to)) },
  }),
}; // prettier-ignore

function integrityOf(log: DoubleLog) {
  return {
    status: 'OK',
    size: String(log.events.length),
    verifiedSize: String(log.events.length),
    minimumIndex: '0',
    vkey: log.vkey,
    lag: '0',
    durability: 'PROCESS',
    checkpoints: [log.checkpoint(Math.ceil(log.events.length / 2)), log.checkpoint()],
    watch: { verifiedSize: String(log.events.length), lastRunAt: inDays(-0.0001), lastFullRunAt: null },
    witnesses: [
      { url: 'https://witness.example', size: '10', lastCosignedAt: inDays(-0.001), lastError: null },
    ],
    holes: [{ instance: 'gateway one', bootId: 'boot-1', from: '4', to: '6' }],
    overBound: [{ peer: 'leads', ranges: '10000', intents: '3' }],
    sinks: [{ name: 'soc', cursor: '10', lag: '2', lastError: 'connect ECONNREFUSED' }],
  };
}

/** As the log does, a page looks through so many events and ends with what it found there. */
const LOOKED_THROUGH = 200;
const FILTERS = ['type', 'actor', 'outcome', 'operation'] as const;

function pageOf(log: DoubleLog, filter: Variables, last: number, before: unknown) {
  const end = typeof before === 'string' ? Number(before) : log.events.length;
  const start = Math.max(0, end - LOOKED_THROUGH);
  const fitting = log.events
    .slice(start, end)
    .filter((event) => FILTERS.every((name) => filter[name] === undefined || event[name] === filter[name]));
  const page = fitting.slice(-last);
  const isWhole = page.length === fitting.length;
  return {
    edges: page.map(({ canonical: _, leafHash: __, ...node }) => ({ node })),
    pageInfo: {
      hasPreviousPage: !isWhole || start > 0,
      startCursor: isWhole ? String(start) : (page[0]?.seq ?? null),
    },
  };
}

const keyAnswers: Readonly<Record<string, Answer>> = {
  Keys: () => ({
    signingKeys: [
      { kid: 'kid-active', algorithm: 'ES256', state: 'ACTIVE', createdAt: inDays(-10), activatesAt: inDays(-10), retiresAt: null },
      { kid: 'kid-old', algorithm: 'ES256', state: 'RETIRING', createdAt: inDays(-40), activatesAt: inDays(-40), retiresAt: inDays(0.5) },
    ],
  }),
  RotateKeys: () => ({ rotateSigningKeys: { id: '1', active: { kid: 'kid-next' }, pending: null, previous: null } }),
  Secrets: () => ({
    clientSecrets: [
      { service: 'bff', version: 2, state: 'CURRENT', createdAt: inDays(-1), acceptedUntil: null },
      { service: 'bff', version: 1, state: 'PREVIOUS', createdAt: inDays(-90), acceptedUntil: inDays(0.04) },
    ],
  }),
  RotateSecret: () => ({ rotateServiceSecret: { serviceId: 'bff', version: 3, secret: null, graceUntil: inDays(0.04) } }),
  Certificates: () => ({
    certificates: [
      certificate('gateway', 60),
      certificate('bff', 5),
      { ...certificate('actuator', 40), revoked: true, state: 'REVOKED' },
    ],
  }),
  RevokeCertificate: ({ thumbprint }) => ({ revokeCertificate: { thumbprint, revokedAt: inDays(0) } }),
}; // prettier-ignore

function certificate(service: string, days: number) {
  return {
    service,
    thumbprint: `${service}-thumbprint-of-its-certificate`,
    subject: `CN=${service}`,
    spiffeId: `spiffe://aduana.local/${service}`,
    notBefore: inDays(-30),
    notAfter: inDays(days),
    renewAt: inDays(days - 10),
    revoked: false,
    state: 'VALID',
  };
}

const policyAnswers: Readonly<Record<string, Answer>> = {
  Policies: () => ({
    policySet: { sha256: SHA, loadedAt: inDays(-2) },
    roles: [
      {
        name: 'admin',
        inherits: [],
        permissions: ADMIN,
        location: 'iam_policies.yaml:40',
        rules: [
          { id: 'admin/1', effect: 'ALLOW', permission: 'sts:**', when: [], unless: [], location: 'iam_policies.yaml:42' },
          { id: 'admin/6', effect: 'DENY', permission: 'leads:pii:read', when: [], unless: ['office_hours'], location: 'iam_policies.yaml:47' },
        ],
        holders: [{ service: 'operator', issuer: null, claim: null, value: null, location: 'service_identities.yaml:30' }, { service: null, issuer: 'https://idp.example.com', claim: 'groups', value: 'secops', location: 'trusted_issuers.yaml:9' }],
      },
    ],
    policyVersions: [{ version: 1, sha256: 'aa'.repeat(32), at: inDays(-9), available: true }, { version: 2, sha256: SHA, at: inDays(-2), available: true }],
  }),
  PolicyDiff: ({ from, to }) => ({
    policyDiff: { from, to, changes: [{ subject: 'bff', action: 'leads:read', policy: null, before: 'DENY', after: 'ALLOW', rule: 'bff/1', location: 'iam_policies.yaml:24' }], more: 0 },
  }),
  PolicyTests: () => ({
    policyTests: [
      { name: 'bff reads leads', location: 'tests.yaml:3', because: null, passed: true, expected: 'allow', actual: 'allow' },
      { name: 'bff reads personal data', location: 'tests.yaml:9', because: 'not granted', passed: false, expected: 'allow', actual: 'deny' },
    ],
  }),
  Explain: () => ({
    explainAccess: [
      { action: 'leads:read', coordinate: 'Query.leads', allowed: true, rule: 'bff/1', location: 'iam_policies.yaml:24', rolePath: ['bff'], nearMisses: [] },
      { action: 'leads:pii:read', coordinate: 'Lead.contact', allowed: false, rule: null, location: null, rolePath: [], nearMisses: ['sales would grant it'] },
    ],
  }),
  Graph: () => ({
    graphCoverage: {
      guarded: 2,
      authenticated: 1,
      open: 1,
      types: [
        {
          name: 'Query',
          kind: 'OBJECT',
          subgraphs: ['leads', 'sts'],
          fields: [
            { name: 'leads', coordinate: 'Query.leads', type: '[Lead!]!', coverage: 'GUARDED', requirement: 'leads:read', subgraphs: ['leads'], reachableBy: ['bff', 'sales'] },
            { name: 'whoami', coordinate: 'Query.whoami', type: 'Principal!', coverage: 'AUTHENTICATED', requirement: null, subgraphs: ['sts'], reachableBy: [] },
            { name: 'version', coordinate: 'Query.version', type: 'String', coverage: 'OPEN', requirement: null, subgraphs: ['leads'], reachableBy: [] },
          ],
        },
      ],
    },
  }),
}; // prettier-ignore

const serviceAnswers: Readonly<Record<string, Answer>> = {
  Services: () => ({
    services: [
      { id: 'bff', spiffeId: 'spiffe://aduana.local/bff', roles: ['bff'], suspended: false, activeTokens: 3 },
      { id: 'actuator', spiffeId: 'spiffe://aduana.local/actuator', roles: ['actuator'], suspended: true, activeTokens: 0 },
    ],
  }),
  Subjects: () => ({
    activeSubjects: [{ issuer: 'https://idp.example.com', subject: 'alice', kind: 'USER', clients: ['bff'], tokens: 2, expiresAt: inDays(0.01) }],
  }),
  SuspendService: ({ id }) => ({ suspendService: { id, suspended: true } }),
  RestoreService: ({ id }) => ({ restoreService: { id, suspended: false } }),
  RevokeSubject: ({ issuer, subject }) => ({ revokeSubject: { issuer, subject, revokedAt: inDays(0) } }),
  status: () => ({
    time: inDays(0),
    startedAt: inDays(-1),
    health: { status: 'ok', checks: { status: 'ok', audit: 'ok' } },
    requests: { perSecond: 12.5, refusedPerSecond: 0.2, failedPerSecond: 0, p50Milliseconds: 3.1, p99Milliseconds: 11.8 },
    history: Array.from({ length: 60 }, (_, at) => ({
      time: inDays(-(60 - at) / 17_280),
      requests: 50 + (at % 7) * 4,
      refused: at % 3,
      failed: at === 30 ? 5 : 0,
    })),
    subgraphs: ['leads', 'sts', 'audit', 'admin'].map((name, at) => ({
      name,
      service: name,
      callsPerSecond: 12.5 / (at + 1),
      failuresPerSecond: 0,
      p50Milliseconds: 1.2,
      p99Milliseconds: 4,
      circuit: at === 3 ? 'open' : 'closed',
      health: at === 3 ? 'unavailable' : 'ok',
      inFlight: 0,
      waiting: 0,
    })),
  }),
}; // prettier-ignore

const ANSWERS: Readonly<Record<string, Answer>> = {
  ...logAnswers,
  ...keyAnswers,
  ...policyAnswers,
  ...serviceAnswers,
};
