import { canonicalise } from '@aduana/audit-verifier/canonical';
import {
  openNote,
  parseCheckpoint,
  parseMinimumIndex,
  parseVerifierKey,
  textOfOthers,
} from '@aduana/audit-verifier/note';
import { readTimestamp } from '@aduana/audit-verifier/timestamp';
import { canonicalText, MAX_LEAF_BYTES } from '@aduana/client/audit/canonical';
import { readTokenAnswer } from '@aduana/client/sts/read-token-answer';
import { readIamPolicies } from '@aduana/server-kit/iam/read-iam-policies';
import { parseYaml } from '@aduana/server-kit/platform/yaml-document';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { parseSupergraphConfig } from '../../gateway/supergraph/supergraph-config.ts';
import { parseEvents } from '../../subgraphs/audit/log/parse-events.ts';
import { parseTilePath } from '../../subgraphs/audit/reading/tile-path.ts';
import { accepted, type Fuzzer } from './fuzzer.ts';
import { damaged, json } from './texts.ts';

const EVENT = {
  v: 1, id: '0190a0a0-0000-7000-8000-000000000000', time: '2026-11-28T00:00:00.000Z', source: { instance: 'a', boot_id: 'b', n: 1 }, type: 'request',
  class_uid: 6003, outcome: 'ALLOWED', actor: { sub: 'bff' },
}; // prettier-ignore
const NOTE =
  'aduana.local/audit\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nminimum index 3\n\n\u2014 aduana.local/audit AAAAAAEC\n';
const VKEY = 'aduana.local/audit+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const YAML = [
  readFileSync('policies/iam_policies.yaml', 'utf8'),
  readFileSync('gateway/supergraph.yaml', 'utf8'),
];

export const fileFuzzers: readonly Fuzzer[] = [
  {
    name: 'posts of audit events',
    property: fc.asyncProperty(
      fc.oneof(
        damaged([JSON.stringify({ events: [EVENT, EVENT] })]),
        fc.dictionary(fc.constantFrom(...Object.keys(EVENT), '__proto__', 'request', 'detail'), json).map((some) => JSON.stringify({ events: [{ ...EVENT, ...some }] })),
      ),
      async (body) => {
        for (const event of (await accepted(() => parseEvents(body))) ?? []) {
          const text = canonicalText(event as unknown as Record<string, unknown>);
          if (Buffer.byteLength(text) > MAX_LEAF_BYTES) throw new Error('a leaf is too large');
          if (canonicalText(JSON.parse(text) as Record<string, unknown>) !== text) throw new Error('not canonical');
        }
      },
    ), // prettier-ignore
  },
  {
    name: 'tiles, notes and exports',
    property: fc.asyncProperty(
      damaged(['tile/0/x001/234.p/12', 'tile/entries/000', 'tile/8/0'], ['x', '/', '.p/']),
      damaged([NOTE], ['\n', '\u2014 ', 'minimum index ']),
      damaged([VKEY], ['+']),
      json,
      fc.uint8Array({ maxLength: 200 }),
      async (path, note, vkey, value, bytes) => {
        await accepted(() => parseTilePath(path));
        const key = parseVerifierKey(vkey) ?? parseVerifierKey(VKEY);
        if (key !== undefined) {
          openNote(note, key);
          textOfOthers(note, key);
        }
        parseCheckpoint(note);
        parseMinimumIndex(note, 'aduana.local/audit');
        readTimestamp(Buffer.from(bytes));
        if (JSON.stringify(value).length < 2_000) canonicalise(JSON.parse(JSON.stringify(value)));
      },
    ),
  },
  {
    name: 'answers of the token endpoint',
    property: fc.asyncProperty(json, fc.constantFrom(200, 400, 401, 429, 302), async (value, status) => {
      await accepted(() => readTokenAnswer({ status, headers: {}, body: Buffer.from(JSON.stringify(value)) })).catch((error: unknown) => {
        if (!(error as { code?: unknown }).code) throw error; // what the STS answers badly is a fault of its own, with a code
      });
    }), // prettier-ignore
  },
  {
    name: 'YAML files',
    property: fc.asyncProperty(damaged(YAML, ['- ', ': ', '? ', '|', '>', '%YAML 1.1', '---', '...']), async (text) => {
      await accepted(() => readIamPolicies(parseYaml(text, 'a.yaml')));
      await accepted(() => parseSupergraphConfig(text, 'b.yaml', { variables: {}, allowPlainLoopback: true }));
    }), // prettier-ignore
  },
];
