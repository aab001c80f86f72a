import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { policyJsonSchemas } from '@aduana/server-kit/iam/json-schemas';

describe('the JSON Schemas for editors', () => {
  test.each(Object.entries(policyJsonSchemas()))(
    'policies/schemas/%s says what the loader accepts',
    async (file, schema) => {
      expect(JSON.parse(await readFile(`policies/schemas/${file}`, 'utf8'))).toEqual(schema);
    },
  );

  test('each policy file names the schema that is beside it', async () => {
    for (const file of ['iam_policies', 'service_identities', 'trusted_issuers', 'iam_policies.test']) {
      const [, named] =
        /^# yaml-language-server: \$schema=(\S+)\n/.exec(await readFile(`policies/${file}.yaml`, 'utf8')) ??
        [];
      expect(Object.keys(policyJsonSchemas()).map((name) => `schemas/${name}`)).toContain(named);
    }
  });
});
