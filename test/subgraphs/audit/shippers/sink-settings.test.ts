import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { readSinkSettings } from '../../../../subgraphs/audit/shippers/sink-settings.ts';

describe('the secrets of sinks', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-sinks-'));
    await writeFile(join(folder, 'secret'), 's3cret\n');
    await writeFile(join(folder, 'empty'), '\n');
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(...sinks: readonly string[]) {
    const file = join(folder, 'siem.yaml');
    await writeFile(file, `version: 1\nsinks:\n${sinks.map((sink) => `  - ${sink}\n`).join('')}`);
    return readSinkSettings(file);
  }

  test('are what the file says, wherever one may stand', async () => {
    const file = `{ file: ${join(folder, 'secret')} }`;
    const url = "url: 'https://siem.example.com'";
    const sinks = await read(
      `{ name: a, kind: splunk_hec, ${url}, token: ${file} }`,
      `{ name: b, kind: elastic_bulk, ${url}, index: aduana, api_key: ${file} }`,
      `{ name: c, kind: otlp_http, ${url}, headers: { authorization: ${file}, x-tenant: plain } }`,
      `{ name: d, kind: splunk_hec, ${url}, token: plain }`,
    );
    expect(sinks).toMatchObject([
      { token: 's3cret' },
      { api_key: 's3cret' },
      { headers: { authorization: 's3cret', 'x-tenant': 'plain' } },
      { token: 'plain' },
    ]);
  });

  test.each([
    ['missing', 'cannot be read (ENOENT)'],
    ['empty', 'is empty'],
  ])(
    'of a file that is %s keep the service from starting, with the name of the file',
    async (name, problem) => {
      const sink = `{ name: a, kind: splunk_hec, url: 'https://siem.example.com', token: { file: ${join(folder, name)} } }`;
      const error = await read(sink).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect((error as ConfigurationError).problems).toMatchObject([
        { subject: join(folder, name), problem },
      ]);
    },
  );
});
