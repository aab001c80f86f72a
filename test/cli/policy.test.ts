import { describe, expect, test } from '@jest/globals';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Command } from 'commander';
import { CommandFailure } from '../../cli/command-context.ts';
import { registerPolicy } from '../../cli/policy.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { policyFolder } from '../support/policy-folder.ts';

/** Runs `aduana policy ...`: its exit code and what it printed. */
async function aduana(
  ...words: string[]
): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const program = new Command('aduana').exitOverride();
  registerPolicy(program, {
    environment: {},
    clock: createFakeClock('2026-11-24T12:00:00Z'),
    log: createLog('silent', () => undefined),
    print,
    printError: print,
  });
  try {
    await program.parseAsync(['policy', ...words], { from: 'user' });
    return { code: 0, lines };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return { code: error.exitCode, lines: [...lines, error.message] };
  }
}

async function copyOfPolicies(change: (text: string) => string): Promise<string> {
  const folder = await policyFolder({});
  await cp('policies', folder, { recursive: true });
  const file = join(folder, 'iam_policies.yaml');
  await writeFile(file, change(await readFile(file, 'utf8')));
  return folder;
}

describe('on the shipped policies', () => {
  test('lint and test exit 0, and a diff with themselves changes nothing', async () => {
    expect(await aduana('lint')).toMatchObject({ code: 0 });
    const tested = await aduana('test');
    expect(tested.code).toBe(0);
    expect(tested.lines.at(-1)).toMatch(/^(\d+) of \1 policy tests passed$/);
    const { code, lines } = await aduana('diff', 'policies', '--exit-code');
    expect([code, lines]).toEqual([0, [expect.stringMatching(/^0 of \d+ decisions change$/)]]);
  });
});

describe('on a broken copy', () => {
  test('a folder that is not there is named with what to do', async () => {
    for (const words of [
      ['lint', '--policies', '/nope'],
      ['diff', '/nope'],
    ]) {
      const { code, lines } = await aduana(...words);
      expect([code, lines[0]]).toEqual([
        1,
        '/nope/iam_policies.yaml: does not exist. Check POLICIES_DIR and its files',
      ]);
    }
  });

  test('lint shows each error with file and line and exits 1', async () => {
    const folder = await copyOfPolicies((text) =>
      text.replace('    inherits: [sales]', '    inherit: [sales]'),
    );
    const { code, lines } = await aduana('lint', '--policies', folder);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(
      new RegExp(`^${folder}/iam_policies.yaml:\\d+: \`roles.actuator\` has the unknown key \`inherit\``),
    );
  });

  test('lint shows what is probably not meant and exits 1', async () => {
    const folder = await copyOfPolicies((text) =>
      text.replace('  sales:', '  idle: { permissions: [leads:read] }\n  sales:'),
    );
    const { code, lines } = await aduana('lint', '--policies', folder);
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(/iam_policies.yaml:\d+: nobody holds the role idle \(unused_role\)$/),
    ]);
  });

  test('test shows which case fails and why it must hold, and exits 1', async () => {
    const folder = await copyOfPolicies((text) =>
      text.replace('[leads:read, campaigns:read]', '[leads:read, campaigns:read, leads:pii:read]'),
    );
    const { code, lines } = await aduana('test', '--policies', folder);
    expect(code).toBe(1);
    expect(lines.filter((line) => line.startsWith('FAILED'))).toEqual([
      expect.stringContaining(
        'bff: leads:pii:read: expected deny, got allow by bff/allow:leads:pii:read, although contact details',
      ),
    ]);
  });

  test('diff shows which decisions change, over everything or over a corpus', async () => {
    const folder = await copyOfPolicies((text) =>
      text.replace('[audit:events:read, audit:proofs:read,', '[audit:proofs:read,'),
    );
    const all = await aduana('diff', folder, '--exit-code');
    expect(all.code).toBe(1);
    expect(all.lines[0]).toMatch(
      /^auditor: audit:events:read: allow \(iam_policies.yaml:\d+\) -> deny \(no_rule\)$/,
    );
    const corpus = join(folder, 'corpus.jsonl');
    await writeFile(
      corpus,
      '{"subject":"bff","action":"leads:read"}\n{"subject":"auditor","action":"audit:events:read"}\n',
    );
    const recorded = await aduana('diff', folder, '--corpus', corpus);
    expect([recorded.code, recorded.lines.at(-1)]).toEqual([0, '1 of 2 decisions change']);
    await writeFile(corpus, '{"subject":"bff"}\n');
    expect((await aduana('diff', folder, '--corpus', corpus)).code).toBe(1);
    const missing = await aduana('diff', folder, '--corpus', join(folder, 'nowhere'));
    expect(missing).toMatchObject({ code: 1, lines: [expect.stringContaining('cannot be read')] });
  });
});

describe('explain', () => {
  test('shows rule, place, role path and near misses for an action', async () => {
    const { code, lines } = await aduana('explain', '--as', 'actuator', '--action', 'leads:pii:read');
    expect([code, lines]).toEqual([
      0,
      [
        expect.stringMatching(
          /^allow leads:pii:read: sales\/allow:leads:pii:read \(iam_policies.yaml:\d+\), actuator -> sales$/,
        ),
      ],
    ]);
    expect((await aduana('explain', '--as', 'bff', '--action', 'leads:pii:read')).lines[1]).toContain(
      'would be allowed to the role sales',
    );
  });

  test('shows each field of a document', async () => {
    const { lines } = await aduana('explain', '--as', 'bff', '--document', '{ leads { contact { email } } }');
    expect(lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(':')[0])).toEqual([
      'allow Query.leads',
      'deny  Lead.contact',
      'deny  Contact.email',
    ]);
  });

  test('refuses an unknown subject without roles, and a time and an address that are none', async () => {
    expect((await aduana('explain', '--as', 'ghost')).code).toBe(64);
    expect((await aduana('explain', '--as', 'ghost', '--role', 'bff', '--action', 'leads:read')).code).toBe(
      0,
    );
    expect((await aduana('explain', '--as', 'bff', '--time', 'soon')).code).toBe(64);
    expect((await aduana('explain', '--as', 'bff', '--address', '300.1.1.1')).code).toBe(64);
  });
});
