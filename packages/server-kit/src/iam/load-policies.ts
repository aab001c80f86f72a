import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sha256Hex } from '@aduana/core/platform/digest';
import { parseYaml, type YamlDocument } from '../platform/yaml-document.ts';
import { checkIdentityReferences, checkPolicyReferences, checkPolicySubjects } from './check-references.ts';
import type { Service, Sources, TrustedIssuer } from './policy.ts';
import { createProblems, type ReadAttachment } from './problems.ts';
import { type IamPolicies, readIamPolicies } from './read-iam-policies.ts';
import { readServiceIdentities } from './read-service-identities.ts';
import { readTrustedIssuers } from './read-trusted-issuers.ts';

const MAX_FILE_BYTES = 8_388_608;
const NO_POLICIES: IamPolicies = {
  permissions: new Map(),
  conditions: new Map(),
  roles: new Map(),
  policies: new Map(),
};

/**
 * Reads `iam_policies.yaml`, and `service_identities.yaml` and `trusted_issuers.yaml` where they exist, with the key
 * files that they name.
 *
 * @param readBytes reads a file of the folder; default: from disk
 * @throws ConfigurationError with every problem of all files, each as `file:line`
 */
export async function loadPolicies(
  folder: string,
  readBytes: (file: string) => Promise<Uint8Array> = (file) => readFile(resolve(folder, file)),
): Promise<Sources> {
  const problems = createProblems((subject) => join(folder, subject));
  const texts = new Map<string, string>();

  async function readText(file: string, missing: (why: string) => void): Promise<string | undefined> {
    const text = await readUtf8(() => readBytes(file));
    if (typeof text === 'string') texts.set(file, text);
    else missing(text.failure);
    return typeof text === 'string' ? text : undefined;
  }
  const attachment: ReadAttachment = (file, location) =>
    readText(file, (why) => {
      problems.add(
        location,
        `the file \`${file}\` ${why}`,
        'Check that it exists, relative to the policies folder',
      );
    });
  async function read<Result>(
    file: string,
    optional: boolean,
    reader: (document: YamlDocument) => Promise<Result> | Result,
  ): Promise<Result | undefined> {
    const text = await readText(file, (why) => {
      if (!optional || why !== ABSENT) problems.add(file, why, 'Check POLICIES_DIR and its files');
    });
    return text === undefined ? undefined : problems.attempt(async () => reader(parseYaml(text, file)));
  }

  const iam = await read('iam_policies.yaml', false, readIamPolicies);
  const registered = await read('service_identities.yaml', true, (document) =>
    readServiceIdentities(document, attachment, problems),
  );
  const services = registered ?? new Map<string, Service>();
  const issuers =
    (await read('trusted_issuers.yaml', true, (document) =>
      readTrustedIssuers(document, attachment, problems),
    )) ?? new Map<string, TrustedIssuer>();
  if (iam !== undefined) {
    checkPolicyReferences(iam, problems);
    checkIdentityReferences(iam, services, issuers, problems);
    if (registered !== undefined) checkPolicySubjects(iam, registered, problems);
  }
  problems.assertNone();
  const files = [...texts.keys()].sort();
  return { folder, sha256: hashFiles(files, texts), files, ...(iam ?? NO_POLICIES), services, issuers };
}

const ABSENT = 'does not exist';

async function readUtf8(read: () => Promise<Uint8Array>): Promise<string | { readonly failure: string }> {
  try {
    const bytes = await read();
    if (bytes.length > MAX_FILE_BYTES) return { failure: `is larger than ${String(MAX_FILE_BYTES)} bytes` };
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    return {
      failure: (error as NodeJS.ErrnoException).code === 'ENOENT' ? ABSENT : 'cannot be read as UTF-8 text',
    };
  }
}

function hashFiles(files: readonly string[], texts: ReadonlyMap<string, string>): string {
  return sha256Hex(JSON.stringify(files.map((file) => [file, sha256Hex(texts.get(file) ?? '')])));
}
