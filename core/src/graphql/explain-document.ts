import {
  buildASTSchema,
  type DocumentNode,
  type FragmentDefinitionNode,
  getNamedType,
  GraphQLError,
  type GraphQLNamedType,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';
import { SecurityError } from '../errors/security-error.ts';
import type { AccessContext } from '../iam/access-context.ts';
import type { Engine } from '../iam/compile.ts';
import { evaluatePolicy } from '../iam/evaluate-policy.ts';
import { explain, type Explanation } from '../iam/explain.ts';
import { createNeeds, type Needs } from './needs.ts';
import { type AnyOfAll, conjoin, missingFrom, type Requirement, type Rights } from './requirement.ts';
import { extractRequirements, type Requirements } from './requirements.ts';

/** What a supergraph asks for at each coordinate, as far as explanations need it. */
export interface ExplainableSchema {
  readonly schema: GraphQLSchema;
  readonly requirements: Requirements;
  readonly needs: Needs;
}

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
  readonly roles: readonly string[];
  readonly context: AccessContext;
}

const MOST_TOKENS = 10_000;

/** @throws SecurityError `SUPERGRAPH_INVALID` */
export function readExplainableSchema(sdl: string): ExplainableSchema {
  try {
    const document = parse(sdl, { noLocation: false });
    const schema = buildASTSchema(document, { assumeValidSDL: true });
    const requirements = extractRequirements(document);
    return { schema, requirements, needs: createNeeds(schema, requirements) };
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError('SUPERGRAPH_INVALID', { cause: error });
  }
}

/**
 * Tells of each field of a document, once per coordinate and in the document's order, what it needs, what the subject
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
  const requirements = collect(parseDocument(text), explainable);
  return [...requirements].map(([coordinate, requirement]) =>
    requirement === undefined
      ? {
          coordinate,
          needs: 'a field that exists',
          allowed: false,
          missing: [],
          scopes: [],
          nearMisses: ['there is no such field'],
        }
      : explainRequirement(coordinate, requirement, engine, subject),
  );
}

function parseDocument(text: string): DocumentNode {
  try {
    return parse(text, { maxTokens: MOST_TOKENS });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new SecurityError('GRAPHQL_PARSE_FAILED', { cause: error });
  }
}

/** What each coordinate of the document needs; undefined for a field that does not exist. */
function collect(
  document: DocumentNode,
  { schema, requirements, needs }: ExplainableSchema,
): ReadonlyMap<string, Requirement | undefined> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const found = new Map<string, Requirement | undefined>();
  const spread = new Set<string>();
  const together = (numbers: readonly number[]): Requirement =>
    numbers.map((number) => requirements.distinct[number]).reduce(both, NOTHING) ?? NOTHING;

  function walk({ selections }: SelectionSetNode, parent: GraphQLNamedType | undefined): void {
    for (const selection of selections)
      if (selection.kind === Kind.FIELD) walkField(selection.name.value, selection.selectionSet, parent);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        walkFragment(selection.typeCondition?.name.value, selection.selectionSet, parent);
      else {
        const fragment = fragments.get(selection.name.value);
        if (fragment === undefined || spread.has(fragment.name.value)) continue;
        spread.add(fragment.name.value);
        walkFragment(fragment.typeCondition.name.value, fragment.selectionSet, parent);
      }
  }

  function walkFragment(
    condition: string | undefined,
    inside: SelectionSetNode,
    parent: GraphQLNamedType | undefined,
  ): void {
    const numbers = condition === undefined ? [] : needs.ofType(condition);
    if (condition !== undefined && numbers.length > 0) found.set(condition, together(numbers));
    walk(inside, condition === undefined ? parent : schema.getType(condition));
  }

  function walkField(
    name: string,
    inside: SelectionSetNode | undefined,
    parent: GraphQLNamedType | undefined,
  ): void {
    if (!isCompositeType(parent) || name.startsWith('__')) return;
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    const coordinate = `${parent.name}.${name}`;
    found.set(coordinate, field === undefined ? undefined : together(needs.ofField(parent, name)));
    if (inside !== undefined && field !== undefined) walk(inside, getNamedType(field.type));
  }

  for (const definition of document.definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION)
      walk(definition.selectionSet, schema.getRootType(definition.operation) ?? undefined);
  return found;
}

const NOTHING: Requirement = { authenticated: true, scopes: [], policies: [] };

function both(left: Requirement | undefined, right: Requirement | undefined): Requirement {
  const [a, b] = [left ?? NOTHING, right ?? NOTHING];
  return {
    authenticated: true,
    scopes: conjoin(a.scopes, b.scopes),
    policies: conjoin(a.policies, b.policies),
  };
}

function explainRequirement(
  coordinate: string,
  requirement: Requirement,
  engine: Engine,
  { subject, roles, context }: Subject,
): FieldExplanation {
  const explanations = new Map(
    [...new Set(requirement.scopes.flat())].map((action) => [
      action,
      explain(engine, { subject, roles, action, context }),
    ]),
  );
  const rights: Rights = {
    authenticated: true,
    holdsScope: (scope) => explanations.get(scope)?.effect === 'allow',
    holdsPolicy: (name) => evaluatePolicy(engine, name, { subject, roles, context }).effect === 'allow',
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
      ...policies.map((name) => describePolicy(name, engine, { subject, roles, context })),
    ],
  };
}

function describePolicy(name: string, engine: Engine, subject: Subject): string {
  const { reason, location, conditions } = evaluatePolicy(engine, name, subject);
  const states = conditions.map(({ name: condition, holds }) => {
    return `${condition} ${holds === undefined ? 'cannot be told' : holds ? 'holds' : 'does not hold'}`;
  });
  const where = location === undefined ? '' : ` (${location})`;
  return [`the policy ${name}${where} does not hold: ${reason.replace('_', ' ')}`, ...states].join(', ');
}

function describe({ scopes, policies }: Requirement): string {
  const policyNames = policies.map((all) => all.map((name) => `policy ${name}`));
  const parts = [scopes, policyNames].filter((part) => part.length > 0).map(describeAlternatives);
  return parts.length === 0 ? 'authenticated' : parts.join('; and ');
}

function describeAlternatives(alternatives: AnyOfAll): string {
  return alternatives.map((all) => all.join(' and ')).join(', or ');
}
