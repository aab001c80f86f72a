import {
  type ConstDirectiveNode,
  type DocumentNode,
  Kind,
  type TypeDefinitionNode,
  type TypeExtensionNode,
} from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type AnyOfAll, conjoin, normalize, type Requirement } from './requirement.ts';
import {
  findSecurityDirectives,
  type SecurityDirectives,
  type SecurityFeature,
} from './security-directives.ts';

/** What each coordinate of a schema itself asks for; equal requirements share one number. */
export interface Requirements {
  readonly distinct: readonly Requirement[];
  /** `Type` and `Type.field` to the number of the requirement. */
  readonly at: ReadonlyMap<string, number>;
  /** How many directive applications were read. */
  readonly applications: number;
}

interface Part {
  readonly coordinate: string;
  readonly directives: readonly ConstDirectiveNode[];
}

const NOTHING: Requirement = { authenticated: false, scopes: [], policies: [] };

/**
 * Reads the requirements out of a supergraph's or a subgraph's SDL.
 *
 * @throws SecurityError `SUPERGRAPH_INVALID` with the coordinate in its detail
 */
export function extractRequirements(
  document: DocumentNode,
  names: SecurityDirectives = findSecurityDirectives(document),
): Requirements {
  const wanted = new Map<string, Requirement>();
  let applications = 0;
  for (const { coordinate, directives } of guardable(document)) {
    for (const directive of directives) {
      const feature = names.directives.get(directive.name.value);
      if (feature === undefined) continue;
      applications += 1;
      wanted.set(coordinate, both(wanted.get(coordinate) ?? NOTHING, read(directive, feature, coordinate)));
    }
  }
  return { ...number(wanted), applications };
}

function guardable(document: DocumentNode): Part[] {
  return document.definitions.flatMap((definition) => {
    switch (definition.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.OBJECT_TYPE_EXTENSION:
      case Kind.INTERFACE_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_EXTENSION:
        return [
          part(definition),
          ...(definition.fields ?? []).map(({ name, directives = [] }) => ({
            coordinate: `${definition.name.value}.${name.value}`,
            directives,
          })),
        ];
      case Kind.SCALAR_TYPE_DEFINITION:
      case Kind.SCALAR_TYPE_EXTENSION:
      case Kind.ENUM_TYPE_DEFINITION:
      case Kind.ENUM_TYPE_EXTENSION:
        return [part(definition)];
      default:
        return [];
    }
  });
}

function part({ name, directives = [] }: TypeDefinitionNode | TypeExtensionNode): Part {
  return { coordinate: name.value, directives };
}

function read(directive: ConstDirectiveNode, feature: SecurityFeature, coordinate: string): Requirement {
  switch (feature) {
    case 'authenticated':
      return { ...NOTHING, authenticated: true };
    case 'requiresScopes':
      return { ...NOTHING, authenticated: true, scopes: readLists(directive, 'scopes', coordinate) };
    case 'policy':
      return { ...NOTHING, policies: readLists(directive, 'policies', coordinate) };
  }
}

/** An empty list, an empty alternative and a list of one level all mean something else to somebody: refused. */
function readLists(directive: ConstDirectiveNode, argument: string, coordinate: string): AnyOfAll {
  const value = directive.arguments?.find(({ name }) => name.value === argument)?.value;
  if (value?.kind !== Kind.LIST || value.values.length === 0)
    refuse(coordinate, argument, 'is not a list of lists');
  const lists = value.values.map((inner) => {
    if (inner.kind !== Kind.LIST || inner.values.length === 0) {
      refuse(coordinate, argument, 'must list non-empty lists');
    }
    return inner.values.map((name) => {
      if (name.kind !== Kind.STRING || name.value === '') refuse(coordinate, argument, 'must name strings');
      return name.value;
    });
  });
  return normalize(lists);
}

function both(left: Requirement, right: Requirement): Requirement {
  return {
    authenticated: left.authenticated || right.authenticated,
    scopes: conjoin(left.scopes, right.scopes),
    policies: conjoin(left.policies, right.policies),
  };
}

function number(wanted: ReadonlyMap<string, Requirement>): Pick<Requirements, 'distinct' | 'at'> {
  const numbers = new Map<string, number>();
  const distinct: Requirement[] = [];
  const at = new Map<string, number>();
  for (const [coordinate, requirement] of wanted) {
    const key = JSON.stringify([requirement.authenticated, requirement.scopes, requirement.policies]);
    const known = numbers.get(key) ?? distinct.push(requirement) - 1;
    numbers.set(key, known);
    at.set(coordinate, known);
  }
  return { distinct, at };
}

function refuse(coordinate: string, argument: string, problem: string): never {
  throw new SecurityError('SUPERGRAPH_INVALID', { detail: `${coordinate}: \`${argument}\` ${problem}` });
}
