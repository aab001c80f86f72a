import { readFileSync } from 'node:fs';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { EVENT_CATALOGUE, type EventType } from '@aduana/client/audit/event-catalogue';
import { ERROR_CODES } from '@aduana/core/errors/error-codes';
import { describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { CONSOLE_SETTINGS } from '../../console/server/config.ts';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { ACTUATOR_SETTINGS } from '../../examples/actuator/config.ts';
import { BFF_SETTINGS } from '../../examples/bff/config.ts';
import { LEADS_SETTINGS } from '../../examples/leads/config.ts';
import { AUDIT_SETTINGS } from '../../subgraphs/audit/config.ts';
import { STS_SETTINGS } from '../../subgraphs/sts/config.ts';

const SETTINGS: Readonly<Record<string, z.ZodType>> = {
  ...SERVICE_SETTINGS,
  ...STS_SETTINGS,
  ...AUDIT_SETTINGS,
  ...BFF_SETTINGS,
  ...LEADS_SETTINGS,
  ...ACTUATOR_SETTINGS,
  ...GATEWAY_SETTINGS,
  ...CONSOLE_SETTINGS,
};
/** Read by the secret providers, not by a service's settings. */
const READ_ELSEWHERE =
  /^(VAULT_\w+|AWS_KMS_KEY_ID|\{SERVICE\}_CLIENT_SECRET|ADUANA_(SERVICE|CERTS_DIR|STS_URL|STS_ISSUER|TRUST_DOMAIN|PEERS|AUTHORIZATION_MODE))$/;

/** The cells of the tables of a document, without their back-ticks, by the first one. */
function rowsOf(file: string): ReadonlyMap<string, readonly string[]> {
  const rows = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(2, -2).split(' | '))
    .map((cells) => cells.map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')));
  return new Map(rows.map((cells) => [cells[0] ?? '', cells.slice(1)]));
}

describe('docs/errors.md', () => {
  const rows = rowsOf('docs/errors.md');

  test('lists every code with its status and its text, and no other', () => {
    const codes = Object.entries(ERROR_CODES).map(([code, { status, text }]) => [code, String(status), text]);
    expect([...rows].map(([code, [status, text]]) => [code, status, text])).toEqual(codes);
  });

  test('says what to do about each', () => {
    expect([...rows].filter(([, [, , remedy]]) => (remedy ?? '') === '')).toEqual([]);
  });
});

test('docs/audit-log.md lists every type of event with its class, writers and details, and no other', () => {
  const documented = [...rowsOf('docs/audit-log.md')].filter(([type]) =>
    /^(request|[a-z]+\.[a-z]+)$/.test(type),
  );
  const inCode = Object.entries<EventType>(EVENT_CATALOGUE).map(([type, { classUid, writers, detail }]) => [
    type,
    String(classUid),
    writers === 'any' ? 'any' : writers.join(', '),
    detail.join(' ') || '-',
  ]);
  expect(
    documented.map(([type, cells]) => [type, ...cells.slice(0, 3).map((cell) => cell.replaceAll('`', ''))]),
  ).toEqual(inCode);
});

describe('docs/configuration.md', () => {
  const rows = rowsOf('docs/configuration.md');

  test('lists every variable, and no other', () => {
    const documented = [...rows.keys()].filter((name) => !READ_ELSEWHERE.test(name));
    expect(documented.sort()).toEqual(Object.keys(SETTINGS).sort());
  });

  test.each(Object.keys(SETTINGS))('%s has the default that the code has', (name) => {
    const [documented = ''] = rows.get(name) ?? [];
    const setting = SETTINGS[name];
    const unset = setting?.parse(undefined);
    if (unset === undefined || (Array.isArray(unset) && unset.length === 0))
      expect(documented).toMatch(/^\(|\$\{/);
    else expect(setting?.parse(documented)).toEqual(unset);
  });

  test('.env.example holds the same variables with the same defaults', () => {
    const lines = readFileSync('.env.example', 'utf8').matchAll(/^# ([A-Z_]+)=(.*)$/gm);
    const example = new Map([...lines].map(([, name = '', value = '']) => [name, value]));
    example.delete('BFF_CLIENT_SECRET');
    const expected = [...rows]
      .filter(([name]) => !name.startsWith('{'))
      .map(([name, [value = '']]) => [name, value.startsWith('(') ? '' : value] as const);
    expect([...example]).toEqual(expected);
  });
});
