import type { IMiddlewareTypeMap } from 'graphql-middleware';
import {
  type GraphQLObjectType,
  type GraphQLSchema,
  isIntrospectionType,
  isObjectType,
  parse,
} from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { loadShield } from './load-shield.ts';
import type { GuardContext, GuardOptions } from '@aduana/subgraph/graphql/guard-schema';
import { denyUnguarded, guardsOf } from '@aduana/subgraph/graphql/deny-unguarded';
import { isMet, type Requirement, type Rights } from '@aduana/subgraph/graphql/requirement';
import { extractRequirements, type Requirements } from '@aduana/subgraph/graphql/requirements';

type Rule = ReturnType<ReturnType<ReturnType<typeof loadShield>['shield']['rule']>>;
type Decide = (context: GuardContext) => boolean;

const { shield, middleware } = loadShield();

/**
 * A copy of a schema with the directives of its SDL in force, by graphql-shield: the same decisions as those of
 * `guardSchema` in @aduana/subgraph, made by rules of their own.
 *
 * @throws SecurityError `SUPERGRAPH_INVALID` for an SDL whose guards cannot be read
 */
export function guardSchema(
  schema: GraphQLSchema,
  sdl: string,
  { mode, unguardedFields }: GuardOptions = {},
): GraphQLSchema {
  const extracted = extractRequirements(parse(sdl));
  const requirements = unguardedFields === 'deny' ? denyUnguarded(schema, extracted) : extracted;
  const rules: Record<string, Record<string, Rule>> = {};
  const subscription = schema.getSubscriptionType();
  let streams: Readonly<Record<string, Decide>> = {};
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue;
    const ofType = decisionsOf(type, schema, requirements, mode === 'dry_run');
    if (type === subscription) streams = ofType;
    if (Object.keys(ofType).length > 0) rules[type.name] = toRules(type, ofType);
  }
  const generated = shield
    .shield(rules, {
      allowExternalErrors: true,
      fallbackError: () => new SecurityError('UNAUTHORIZED_FIELD_OR_TYPE'),
    })
    .generate(schema) as IMiddlewareTypeMap;
  const guarded = middleware.applyMiddleware(schema, onlyGuarded(generated, rules));
  guardStreams(guarded, streams);
  return guarded;
}

/** The middleware wraps one function of a field, its resolver: what opens a stream is left, and decides the same. */
function guardStreams(schema: GraphQLSchema, decisions: Readonly<Record<string, Decide>>): void {
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  for (const [name, decide] of Object.entries(decisions)) {
    const field = fields[name];
    const open = field?.subscribe;
    if (field === undefined || open === undefined) continue;
    field.subscribe = (source, args, context: GuardContext | undefined, info) => {
      if (!decide(context ?? {})) throw new SecurityError('UNAUTHORIZED_FIELD_OR_TYPE');
      return open(source, args, context, info);
    };
  }
}

function toRules(type: GraphQLObjectType, decisions: Readonly<Record<string, Decide>>): Record<string, Rule> {
  return Object.fromEntries(
    Object.entries(decisions).map(([name, decide]) => [name, rule(`${type.name}.${name}`, decide)]),
  );
}

function decisionsOf(
  type: GraphQLObjectType,
  schema: GraphQLSchema,
  requirements: Requirements,
  dryRun: boolean,
): Record<string, Decide> {
  const isRoot = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].includes(
    type,
  );
  const decisions: Record<string, Decide> = {};
  for (const { name } of Object.values(type.getFields())) {
    const coordinate = `${type.name}.${name}`;
    if (isRoot && name === '_service') {
      decisions[name] = () => false;
      continue;
    }
    const needed = guardsOf(type, name, requirements);
    // Every root field needs a token: below it, nothing is left to ask of whoever is only to be authenticated.
    if (dryRun || (!isRoot && needed.every(isOnlyAuthenticated))) continue;
    const mayJoin = !isRoot || name === '_entities';
    decisions[name] = ({ token }) =>
      token !== undefined &&
      ((mayJoin && token.claims.join?.includes(coordinate) === true) || isMetBy(token, needed));
  }
  return decisions;
}

function isOnlyAuthenticated({ scopes, policies, closed }: Requirement): boolean {
  return scopes.length + policies.length === 0 && closed !== true;
}

function rule(coordinate: string, decide: Decide): Rule {
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
