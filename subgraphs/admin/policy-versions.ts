import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import { compile, type Engine } from '@aduana/server-kit/iam/compile';
import { diffDecisions, everyQuestion } from '@aduana/server-kit/iam/diff';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import type { Database } from '@aduana/server-kit/store/database';

/** Which policies were in force, and what two versions decide otherwise. */
export interface PolicyVersions {
  list(first: number): Promise<readonly PolicyVersion[]>;
  /** @throws SecurityError `NOT_FOUND` for a version that there is not, or whose files are not kept */
  diff(from: number, to: number): Promise<PolicyDiff>;
}

export interface PolicyVersion {
  readonly version: number;
  readonly sha256: string;
  /** RFC 3339. */
  readonly at: string;
  readonly available: boolean;
}

type Effect = 'ALLOW' | 'DENY';

export interface PolicyDiff {
  readonly from: number;
  readonly to: number;
  readonly changes: readonly {
    readonly subject: string;
    readonly action: string | null;
    readonly policy: string | null;
    readonly before: Effect;
    readonly after: Effect;
    readonly rule: string | null;
    readonly location: string | null;
  }[];
  readonly more: number;
}

const MOST_VERSIONS = 200;
const MOST_CHANGES = 500;
/** Of all files of a version together; a larger one is not kept. */
const LARGEST_CHARACTERS = 2_097_152;

export function createPolicyVersions(options: {
  readonly reader: Database;
  readonly policies: Pick<LivePolicies, 'current'>;
  readonly now: () => number;
}): PolicyVersions {
  const { reader, policies, now } = options;

  async function engineOf(version: number): Promise<Engine> {
    const { rows } = await reader.query<{ sha256: string; files: string | null }>(
      'SELECT sha256, files FROM policy_versions WHERE version = $1',
      [version],
    );
    const [row] = rows;
    if (row === undefined) throw new SecurityError('NOT_FOUND', { detail: 'no such version' });
    if (row.sha256 === policies.current().sha256) return policies.current();
    if (row.files === null) throw new SecurityError('NOT_FOUND', { detail: 'its files are not kept' });
    return compile(await loadTexts(JSON.parse(row.files) as Texts));
  }

  return {
    async list(first) {
      const { rows } = await reader.query<{
        version: string | number;
        sha256: string;
        at: string | number;
        kept: boolean;
      }>(
        'SELECT version, sha256, at, files IS NOT NULL AS kept FROM policy_versions ORDER BY version DESC LIMIT $1',
        [Math.min(Math.max(0, first), MOST_VERSIONS)],
      );
      return rows.map(({ version, sha256, at, kept }) => ({
        version: Number(version),
        sha256,
        at: new Date(Number(at)).toISOString(),
        available: kept || sha256 === policies.current().sha256,
      }));
    },
    async diff(from, to) {
      const [before, after] = [await engineOf(from), await engineOf(to)];
      const changes = diffDecisions(before, after, everyQuestion(before, after, { time: now() }));
      return {
        from,
        to,
        changes: changes.slice(0, MOST_CHANGES).map(({ question, ...decided }) => {
          const shown = decided.after.location === undefined ? decided.before : decided.after;
          return {
            subject: question.subject,
            action: question.action ?? null,
            policy: question.policy ?? null,
            before: effectOf(decided.before),
            after: effectOf(decided.after),
            rule: 'rule' in shown ? (shown.rule ?? null) : null,
            location: shown.location ?? null,
          };
        }),
        more: Math.max(0, changes.length - MOST_CHANGES),
      };
    },
  };
}

type Texts = Readonly<Record<string, string>>;

/**
 * The texts of the policies in force, as JSON; undefined where the files have changed meanwhile, or are too large to be
 * kept.
 */
export async function readPolicyTexts({ sources, sha256 }: Engine): Promise<string | undefined> {
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  try {
    for (const file of sources.files) texts[file] = await readFile(resolve(sources.folder, file), 'utf8');
    const text = JSON.stringify(texts);
    return text.length <= LARGEST_CHARACTERS && (await loadTexts(texts)).sha256 === sha256 ? text : undefined;
  } catch {
    return undefined;
  }
}

function loadTexts(texts: Texts) {
  return loadPolicies('', (file) => {
    const text = Object.hasOwn(texts, file) ? texts[file] : undefined;
    return text === undefined
      ? Promise.reject(Object.assign(new Error('not kept'), { code: 'ENOENT' }))
      : Promise.resolve(Buffer.from(text));
  });
}

function effectOf({ effect }: { readonly effect: 'allow' | 'deny' }): Effect {
  return effect === 'allow' ? 'ALLOW' : 'DENY';
}
