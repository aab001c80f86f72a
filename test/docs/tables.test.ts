import { readFileSync } from 'node:fs';
import { HOUSE_SETTINGS } from '@aduana/core/config/house-settings';
import { ERROR_CODES } from '@aduana/core/errors/error-codes';
import { describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { ACTUATOR_SETTINGS } from '../../examples/actuator/config.ts';
import { BFF_SETTINGS } from '../../examples/bff/config.ts';
import { AUDIT_SETTINGS } from '../../subgraphs/audit/config.ts';
import { STS_SETTINGS } from '../../subgraphs/sts/config.ts';

const SETTINGS: Readonly<Record<string, z.ZodType>> = {
  ...HOUSE_SETTINGS,
  ...STS_SETTINGS,
  ...AUDIT_SETTINGS,
  ...BFF_SETTINGS,
  ...ACTUATOR_SETTINGS,
  ...GATEWAY_SETTINGS,
};
/** Read by the secret providers, not by a service's settings. */
const READ_ELSEWHERE = /^(VAULT_\w+|AWS_KMS_KEY_ID|\{SERVICE\}_CLIENT_SECRET)$/;

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
