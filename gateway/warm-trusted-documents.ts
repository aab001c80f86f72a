import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { sha256Hex } from '@aduana/core/platform/digest';
import { Secret } from '@aduana/core/secrets/secret';
import type { Rights } from '@aduana/subgraph/graphql/requirement';
import { type DocumentNode, GraphQLError, Kind, parse, type SelectionNode, Source, visit } from 'graphql';
import { conditionVariables } from './authorize/conditions.ts';
import type { Authorize } from './authorize/create-authorizer.ts';
import { findErrors } from './documents/find-errors.ts';
import type { TrustedDocuments } from './documents/trusted-documents.ts';
import type { Plan } from './planner/plan.ts';
import type { Authorized, Caller } from './stages.ts';
import type { LoadedSupergraph } from './supergraph/loaded-supergraph.ts';
import type { SupergraphManager } from './supergraph/supergraph-manager.ts';
import { WARM_BOUNDS } from './supergraph/warm-before-update.ts';

export interface TrustedWarming {
  readonly trusted: TrustedDocuments;
  readonly supergraph: SupergraphManager;
  readonly authorize: Authorize;
  readonly plan: Plan;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
}

/** Plans trusted documents now, when they change, and over each new supergraph before it is in force. */
export function keepTrustedWarm(warming: TrustedWarming): Promise<void> {
  const { trusted, supergraph } = warming;
  supergraph.beforeUpdate((next) => warm(warming, next));
  trusted.onChange(() => void warm(warming, supergraph.current()));
  return warm(warming, supergraph.current());
}

/** Plans them as for a caller who may do everything; whoever may do less waits for a plan of its own. */
async function warm({ trusted, authorize, plan, platform }: TrustedWarming, over: LoadedSupergraph) {
  const { clock, log } = platform;
  try {
    const operations: Authorized[] = [];
    for (const text of trusted.texts()) {
      operations.push(...operationsOf(text, over, authorize));
      if (operations.length >= WARM_BOUNDS.most) break;
      await clock.sleep(0); // requests have their turn
    }
    const report = await plan.prepare(operations, over, { clock, ...WARM_BOUNDS });
    log.info('trusted documents are planned', { ...report });
  } catch (error) {
    log.warn('trusted documents could not be planned beforehand', { error: describeError(error) });
  }
}

const EVERYTHING: Rights = { authenticated: true, holdsScope: () => true, holdsPolicy: () => true };
const TRACE = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false };
/** Nobody: nothing is sent for it. */
const NOBODY: Caller = {
  claims: {
    iss: '', aud: 'gateway', sub: '', client_id: '', jti: '', iat: 0, exp: 0, scope: '', roles: [], amr: [], auth_time: 0,
    root_jti: '', sub_kind: 'service', sub_iss: '',
  },
  subjectToken: Secret.of(''),
  method: 'client_secret_basic',
  provesPossession: false,
  certificateThumbprint: undefined,
  spiffeId: undefined,
  address: '',
}; // prettier-ignore

/** What a document's operations are once authorized, by the values of the variables that `@skip` and `@include` read. */
function operationsOf(
  text: string,
  supergraph: LoadedSupergraph,
  authorize: Authorize,
): readonly Authorized[] {
  const document = parseValid(text, supergraph);
  if (document === undefined) return [];
  const shared = { stage: 'validated', caller: NOBODY, trace: TRACE, document, documentHash: sha256Hex(text) } as const; // prettier-ignore
  return document.definitions.flatMap((operation) =>
    operation.kind === Kind.OPERATION_DEFINITION
      ? conditionChoices(document).map((variables) =>
          authorize(
            { ...shared, operation, operationName: operation.name?.value, variables },
            supergraph,
            EVERYTHING,
          ),
        )
      : [],
  );
}

/** Undefined for a document that does not fit this supergraph: whoever sends it learns why. */
function parseValid(text: string, { apiSchema }: LoadedSupergraph): DocumentNode | undefined {
  const source = new Source(text);
  try {
    const document = parse(source);
    return findErrors(apiSchema, document, source, 1).length === 0 ? document : undefined;
  } catch (error) {
    if (error instanceof GraphQLError) return undefined;
    throw error;
  }
}

const MOST_CHOICES = 8;

function conditionChoices(document: DocumentNode): readonly Readonly<Record<string, boolean>>[] {
  const names = new Set<string>();
  const note = (node: SelectionNode) => {
    for (const name of conditionVariables(node)) names.add(name);
  };
  visit(document, { Field: note, InlineFragment: note, FragmentSpread: note });
  let choices: readonly Readonly<Record<string, boolean>>[] = [{}];
  for (const name of names) {
    const values = choices.length < MOST_CHOICES ? [true, false] : [false];
    choices = choices.flatMap((choice) => values.map((value) => ({ ...choice, [name]: value })));
  }
  return choices;
}
