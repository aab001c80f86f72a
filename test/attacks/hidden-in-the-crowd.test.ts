import { expect, test } from '@jest/globals';
import {
  intentRecord,
  noteFields,
  openRequestAudit,
  requestRecord,
} from '../../gateway/audit/request-audit.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import type { CallerRights } from '../../gateway/authorize/rights.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';

const NAMES = Array.from({ length: 300 }, (_, n) => `f${String(n)}`);
const { supergraph } = openGuardedFederation({
  one: {
    sdl: `
      type Query { a: Int }
      type Mutation { note: Crowd suspend: Boolean rotate: Boolean @requiresScopes(scopes: [["s"]]) }
      type Crowd { ${NAMES.map((name) => `${name}: Int`).join(' ')} ${NAMES.map((name) => `x${name}: Int @requiresScopes(scopes: [["s"]])`).join(' ')} }
    `,
    resolvers: {},
  },
});
const caller = { authenticated: true, scopes: [], policies: [] };
const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };

function record(document: string) {
  const authorize = createAuthorizer({ clock: createFakeClock(), mode: 'filter' });
  const rights: CallerRights = {
    ...rightsOf(caller),
    decisionOf: () => undefined,
    rolesAbout: () => ({ roles: [], granted_by: [] }),
    stepUpFor: () => undefined,
  };
  const requestAudit = openRequestAudit('id');
  noteFields(requestAudit, authorize(validatedOf({ document, caller }), supergraph, rights), rights);
  return {
    intent: intentRecord(requestAudit, trace),
    request: requestRecord(requestAudit, trace, '127.0.0.1'),
  };
}

test('a mutation behind hundreds of fields stands in the log, which shows how many do not', () => {
  const { intent, request } = record(`mutation { note { ${NAMES.join(' ')} } suspend }`);
  for (const { request: told } of [intent, request]) {
    expect(told?.fields).toHaveLength(200);
    expect(told?.fields).toEqual(expect.arrayContaining(['Mutation.note', 'Mutation.suspend']));
  }
  expect(request.detail).toMatchObject({ more_fields: 102 });
});

test('a refused mutation behind hundreds of refused fields stands in the log, which shows how many do not', () => {
  const { request } = record(`mutation { note { ${NAMES.map((name) => `x${name}`).join(' ')} } rotate }`);
  const told = request.detail?.['refused'] as readonly { readonly coordinate: string }[];
  expect(told).toHaveLength(50);
  expect(told[0]).toMatchObject({ coordinate: 'Mutation.rotate' });
  expect(request.detail).toMatchObject({ more_refused: 251 });
});
