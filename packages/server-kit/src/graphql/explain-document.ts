import { type DocumentNode, GraphQLError, parse } from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { AccessContext } from '../iam/access-context.ts';
import type { Engine } from '../iam/compile.ts';
import { evaluatePolicy } from '../iam/evaluate-policy.ts';
import { explain, type Explanation } from '../iam/explain.ts';
import { describeStepUp, stepUpFor } from '../iam/step-up.ts';
import { collectCoordinates } from './collect-coordinates.ts';
import type { ExplainableSchema } from './explainable-schema.ts';
import {
  type AnyOfAll,
  missingFrom,
  type Requirement,
  type Rights,
} from '@aduana/subgraph/graphql/requirement';

/** What one field of a document, or one fragment's type, needs and has. */
export interface FieldExplanation {
  /** `Type.field`, or `Type` for a fragment. */
  readonly coordinate: string;
  /** What is needed, in words: `a and b, or c`; `authenticated` where nothing else is. */
  readonly needs: string;
  readonly allowed: boolean;
  /** `scope NAME`, `policy NAME`. */
  readonly missing: readonly string[];
  /** Of each scope that is needed, those that decide first. */
  readonly scopes: readonly Explanation[];
  /** What would change it. */
  readonly nearMisses: readonly string[];
}

export interface Subject {
  readonly subject: string;
  /** The trusted issuer whose user the subject is; absent: the subject is a service. */
  readonly issuer?: string | undefined;
  readonly roles: readonly string[];
  readonly context: AccessContext;
}

const MOST_TOKENS = 10_000;

/**
 * Explains each field of a document, once per coordinate and in the document's order, what it needs, what the subject
 * has, and what would change the decision.
 *
 * @throws SecurityError `GRAPHQL_PARSE_FAILED`
 */
export function explainDocument(
  text: string,
  explainable: ExplainableSchema,
  engine: Engine,
  subject: Subject,
): readonly FieldExplanation[] {
  const explained = new Map<string, FieldExplanation>();
  for (const [coordinate, { requirement, through }] of collectCoordinates(
    parseDocument(text),
    explainable,
    MOST_TOKENS,
  )) {
    const own = explainCoordinate(coordinate, requirement, engine, subject);
    const parents = [...through].map((parent) => explained.get(parent));
    const refused = parents.length > 0 && parents.every((parent) => parent?.allowed === false);
    const [first] = through;
    explained.set(
      coordinate,
      refused
        ? {
            ...own,
            allowed: false,
            nearMisses: [`is reached through ${first ?? ''} alone, which is refused`, ...own.nearMisses],
          }
        : own,
    );
  }
  return [...explained.values()];
}

function explainCoordinate(
  coordinate: string,
  requirement: Requirement | undefined,
  engine: Engine,
  subject: Subject,
): FieldExplanation {
  if (requirement !== undefined) return explainRequirement(coordinate, requirement, engine, subject);
  const nearMisses = ['there is no such field'];
  return { coordinate, needs: 'a field that exists', allowed: false, missing: [], scopes: [], nearMisses };
}

function parseDocument(text: string): DocumentNode {
  try {
    return parse(text, { maxTokens: MOST_TOKENS });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new SecurityError('GRAPHQL_PARSE_FAILED', { cause: error });
  }
}

function explainRequirement(
  coordinate: string,
  requirement: Requirement,
  engine: Engine,
  subject: Subject,
): FieldExplanation {
  const explanations = new Map(
    [...new Set(requirement.scopes.flat())].map((action) => [
      action,
      explain(engine, { ...subject, action }),
    ]),
  );
  const rights: Rights = {
    authenticated: true,
    holdsScope: (scope) => explanations.get(scope)?.effect === 'allow',
    holdsPolicy: (name) => evaluatePolicy(engine, name, subject).effect === 'allow',
  };
  const missing = missingFrom(requirement, rights);
  const allowed = missing.length === 0;
  const deciding = [...explanations.values()].filter(({ action, effect }) =>
    allowed ? effect === 'allow' : missing.includes(`scope ${action}`),
  );
  const policies = missing.flatMap((what) =>
    what.startsWith('policy ') ? [what.slice('policy '.length)] : [],
  );
  return {
    coordinate,
    needs: describe(requirement),
    allowed,
    missing,
    scopes: deciding,
    nearMisses: [
      ...deciding.flatMap(({ action, nearMisses }) => nearMisses.map((miss) => `${action} ${miss}`)),
      ...policies.map((name) => describePolicy(name, engine, subject)),
    ],
  };
}

function describePolicy(name: string, engine: Engine, subject: Subject): string {
  const { reason, location, conditions } = evaluatePolicy(engine, name, subject);
  const states = conditions.map(({ name: condition, holds }) => {
    return `${condition} ${holds === undefined ? 'is unknown' : holds ? 'holds' : 'does not hold'}`;
  });
  const where = location === undefined ? '' : ` (${location})`;
  const login = stepUpFor(
    engine,
    subject.context,
    (context) => evaluatePolicy(engine, name, { ...subject, context }).effect === 'allow',
  );
  const cure = login === undefined ? [] : [`would hold after ${describeStepUp(login)}`];
  return [`the policy ${name}${where} does not hold: ${reason.replace('_', ' ')}`, ...states, ...cure].join(
    ', ',
  );
}

function describe({ scopes, policies }: Requirement): string {
  const policyNames = policies.map((all) => all.map((name) => `policy ${name}`));
  const parts = [scopes, policyNames].filter((part) => part.length > 0).map(describeAlternatives);
  return parts.length === 0 ? 'authenticated' : parts.join('; and ');
}

function describeAlternatives(alternatives: AnyOfAll): string {
  return alternatives.map((all) => all.join(' and ')).join(', or ');
}
