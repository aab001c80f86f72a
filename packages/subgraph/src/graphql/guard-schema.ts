import { SecurityError } from '@aduana/core/errors/security-error';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  isIntrospectionType,
  isObjectType,
  parse,
} from 'graphql';
import { denyUnguarded, guardsOf, type UnguardedFields } from './deny-unguarded.ts';
import { isMet, type Requirement } from './requirement.ts';
import { extractRequirements } from './requirements.ts';

/** What the guard reads of a resolver's context. */
export interface GuardContext {
  /** The caller's verified token; without one every guarded field is refused. */
  readonly token?: VerifiedToken;
}

/** How strict a guard is. */
export interface GuardOptions {
  /**
   * `dry_run` refuses nothing but `_service`. `filter` (the default) and `reject` are the same to a subgraph: they differ
   * in the gateway alone.
   */
  readonly mode?: 'filter' | 'reject' | 'dry_run';
  /** What happens to a field that no directive guards (default `authenticated`). */
  readonly unguardedFields?: UnguardedFields;
}

type Decide = (token: VerifiedToken) => boolean;
type Resolve = GraphQLFieldResolver<unknown, GuardContext | undefined>;

/**
 * Enforces the directives of a subgraph's SDL: wraps the resolvers of its executable schema, and returns that same schema.
 *
 * `@authenticated`, `@requiresScopes` and `@policy` count on a field, on its type and on the type that it returns. Such a
 * field is resolved only if the scopes and policies of the token meet all of them, or if the token's `join` names the field.
 * Root fields need a token, and `_service` is refused to everybody. A refused field fails with
 * `UNAUTHORIZED_FIELD_OR_TYPE` before its resolver runs. Other fields are not changed. Add `refuseIntrospection` to the
 * validation rules of the server.
 *
 * @param sdl the text with the directives: an executable schema no longer has them
 * @throws SecurityError `SUPERGRAPH_INVALID` for an SDL whose directives cannot be read
 * @example
 * const schema = guardSchema(buildSubgraphSchema({ typeDefs: parse(sdl), resolvers }), sdl);
 * await execute({ schema, document, contextValue: { token } });
 */
export function guardSchema(
  schema: GraphQLSchema,
  sdl: string,
  { mode, unguardedFields }: GuardOptions = {},
): GraphQLSchema {
  const extracted = extractRequirements(parse(sdl));
  const requirements = unguardedFields === 'deny' ? denyUnguarded(schema, extracted) : extracted;
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue;
    const isRoot = roots.has(type);
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      if (isRoot && field.name === '_service') {
        guardField(field, () => false);
        continue;
      }
      const needed = guardsOf(type, field.name, requirements);
      if (mode === 'dry_run' || (needed.length === 0 && !isRoot)) continue;
      guardField(
        field,
        isRoot && field.name !== '_entities' ? meets(needed) : joinsOr(coordinate, meets(needed)),
      );
    }
  }
  return schema;
}

function meets(needed: readonly Requirement[]): Decide {
  return ({ claims, scopes }) => {
    const rights = {
      authenticated: true,
      holdsScope: (scope: string) => scopes.has(scope),
      holdsPolicy: (name: string) => claims.policies?.includes(name) === true,
    };
    return needed.every((requirement) => isMet(requirement, rights));
  };
}

/** A coordinate that the gateway's plan needs for a key or a `@requires`; its value never reaches the answer. */
function joinsOr(coordinate: string, decide: Decide): Decide {
  return (token) => token.claims.join?.includes(coordinate) === true || decide(token);
}

/** Both the resolver and, of a subscription, what opens its stream. */
function guardField(
  field: Pick<GraphQLField<unknown, GuardContext | undefined>, 'resolve' | 'subscribe'>,
  decide: Decide,
): void {
  const guarded =
    (resolve: Resolve): Resolve =>
    (source, args, context, info) => {
      const token = context?.token;
      if (token === undefined || !decide(token)) throw new SecurityError('UNAUTHORIZED_FIELD_OR_TYPE');
      return resolve(source, args, context, info);
    };
  field.resolve = guarded(field.resolve ?? defaultFieldResolver);
  if (field.subscribe !== undefined) field.subscribe = guarded(field.subscribe);
}
