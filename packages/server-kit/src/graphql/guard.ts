import type { IMiddlewareTypeMap } from 'graphql-middleware';
import {
  type ASTVisitor,
  getNamedType,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLSchema,
  isIntrospectionType,
  isObjectType,
  parse,
  type ValidationContext,
} from 'graphql';
import { SecurityError } from '../errors/security-error.ts';
import type { VerifiedToken } from '../tokens/access-token.ts';
import { loadShield } from './load-shield.ts';
import { isMet, type Requirement, type Rights } from './requirement.ts';
import { extractRequirements, type Requirements } from './requirements.ts';

/** What the guard reads of a resolver's context. */
export interface GuardContext {
  readonly token?: VerifiedToken;
}

export interface GuardOptions {
  /** `dry_run` refuses nothing but introspection. */
  readonly mode?: 'filter' | 'reject' | 'dry_run';
}

type Rule = ReturnType<ReturnType<ReturnType<typeof loadShield>['shield']['rule']>>;

const { shield, middleware } = loadShield();

/**
 * Puts a subgraph's own directives in force: each guarded field is resolved only for a token whose scopes and
 * `policies` satisfy them, or whose `join` names the field, which no root field but `_entities` is there for; root
 * fields need a token, `_service` answers nobody.
 * `refuseIntrospection` belongs beside it, among the server's validation rules.
 *
 * @throws SecurityError `SUPERGRAPH_INVALID` for an SDL whose guards cannot be read
 */
export function guardSchema(schema: GraphQLSchema, sdl: string, { mode }: GuardOptions = {}): GraphQLSchema {
  const requirements = extractRequirements(parse(sdl));
  const rules: Record<string, Record<string, Rule>> = {};
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue;
    const ofType = rulesOf(type, schema, requirements, mode === 'dry_run');
    if (Object.keys(ofType).length > 0) rules[type.name] = ofType;
  }
  const generated = shield
    .shield(rules, {
      allowExternalErrors: true,
      fallbackError: () => new SecurityError('UNAUTHORIZED_FIELD_OR_TYPE'),
    })
    .generate(schema) as IMiddlewareTypeMap;
  return middleware.applyMiddleware(schema, onlyGuarded(generated, rules));
}

/** A validation rule: a subgraph tells its schema to nobody at run time. */
export function refuseIntrospection(context: ValidationContext): ASTVisitor {
  return {
    Field(node) {
      if (node.name.value !== '__schema' && node.name.value !== '__type') return;
      const refusal = new SecurityError('INTROSPECTION_DISABLED');
      context.reportError(
        new GraphQLError(refusal.message, {
          nodes: node,
          originalError: refusal,
          extensions: { code: refusal.code },
        }),
      );
    },
  };
}

function rulesOf(
  type: GraphQLObjectType,
  schema: GraphQLSchema,
  { at, distinct }: Requirements,
  dryRun: boolean,
): Record<string, Rule> {
  const isRoot = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].includes(
    type,
  );
  const rules: Record<string, Rule> = {};
  for (const { name, type: returned } of Object.values(type.getFields())) {
    const coordinate = `${type.name}.${name}`;
    if (isRoot && name === '_service') {
      rules[name] = rule(coordinate, () => false);
      continue;
    }
    const needed = [coordinate, type.name, getNamedType(returned).name].flatMap(
      (place) => distinct[at.get(place) ?? -1] ?? [],
    );
    if (dryRun || (needed.length === 0 && !isRoot)) continue;
    const mayJoin = !isRoot || name === '_entities';
    rules[name] = rule(
      coordinate,
      ({ token }) =>
        token !== undefined &&
        ((mayJoin && token.claims.join?.includes(coordinate) === true) || isMetBy(token, needed)),
    );
  }
  return rules;
}

function rule(coordinate: string, decide: (context: GuardContext) => boolean): Rule {
  return shield.rule(coordinate, { cache: 'no_cache' })((_parent, _args, context: GuardContext | undefined) =>
    decide(context ?? {}),
  );
}

function isMetBy({ claims, scopes }: VerifiedToken, needed: readonly Requirement[]): boolean {
  const rights: Rights = {
    authenticated: true,
    holdsScope: (scope) => scopes.has(scope),
    holdsPolicy: (name) => claims.policies?.includes(name) === true,
  };
  return needed.every((requirement) => isMet(requirement, rights));
}

/** shield wraps every field of every type; what is not guarded keeps its own resolver and its speed. */
function onlyGuarded(
  generated: IMiddlewareTypeMap,
  rules: Readonly<Record<string, Readonly<Record<string, Rule>>>>,
): IMiddlewareTypeMap {
  return Object.fromEntries(
    Object.entries(rules).map(([type, fields]) => {
      const wrapped = generated[type] as Record<string, unknown>;
      return [type, Object.fromEntries(Object.keys(fields).map((field) => [field, wrapped[field]]))];
    }),
  ) as IMiddlewareTypeMap;
}
