import {
  type FieldNode,
  type FragmentDefinitionNode,
  getIntrospectionQuery,
  getNamedType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isObjectType,
  Kind,
  parse,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  valueFromASTUntyped,
} from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;
type Variables = Readonly<Record<string, unknown>>;

/** Whatever the schema, an answer may have so many values. */
const VALUES_ALWAYS_TOLD = 50_000;
const STANDARD = parse(
  getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, directiveIsRepeatable: true }),
  { noLocation: true },
);

/**
 * Refuses an answer of more than twice the size of the one to the query that tools send: lists within lists multiply,
 * and so do aliases.
 *
 * @throws SecurityError `LIMIT_COST_EXCEEDED`, from the function that it makes
 */
export function createIntrospectionLimit(): (
  schema: GraphQLSchema,
  asked: readonly FieldNode[],
  fragments: Fragments,
  variables: Variables,
) => void {
  const limits = new WeakMap<GraphQLSchema, number>();
  const limitOf = (schema: GraphQLSchema): number => {
    const standard = measureIntrospection(schema, fieldsOf(STANDARD), fragmentsOf(STANDARD), {}, Infinity);
    return Math.max(VALUES_ALWAYS_TOLD, 2 * standard);
  };
  return (schema, asked, fragments, variables) => {
    if (measureIntrospection(schema, asked, fragments, variables, VALUES_ALWAYS_TOLD) <= VALUES_ALWAYS_TOLD)
      return;
    let limit = limits.get(schema);
    if (limit === undefined) limits.set(schema, (limit = limitOf(schema)));
    if (measureIntrospection(schema, asked, fragments, variables, limit) > limit)
      throw new SecurityError('LIMIT_COST_EXCEEDED', {
        detail: `more than ${String(limit)} values of the schema`,
      });
  };
}

/** How many values the answer has, or any number beyond `limit`; conditions take nothing away. */
function measureIntrospection(
  schema: GraphQLSchema,
  asked: readonly FieldNode[],
  fragments: Fragments,
  variables: Variables,
  limit: number,
): number {
  const known = new Map<unknown, Map<SelectionSetNode, number>>();
  const info = { schema } as GraphQLResolveInfo;
  let steps = 0;

  function sizeOf(value: unknown, type: GraphQLObjectType, selectionSet: SelectionSetNode): number {
    const ofValue = known.get(value) ?? new Map<SelectionSetNode, number>();
    known.set(value, ofValue);
    const measured = ofValue.get(selectionSet);
    if (measured !== undefined) return measured;
    let size = 1;
    for (const selection of selectionSet.selections) {
      if (size > limit || (steps += 1) > limit) return Infinity;
      if (selection.kind === Kind.FIELD) size += sizeOfField(value, type, selection);
      else {
        const inside =
          selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
        if (inside !== undefined) size += sizeOf(value, type, inside.selectionSet);
      }
    }
    ofValue.set(selectionSet, size);
    return size;
  }

  function sizeOfField(value: unknown, type: GraphQLObjectType, node: FieldNode): number {
    const field = type.getFields()[node.name.value];
    const below = field && getNamedType(field.type);
    if (node.selectionSet === undefined || !isObjectType(below)) return 1;
    const found: unknown = field?.resolve?.(value, { includeDeprecated: true }, undefined, info);
    let size = 1;
    for (const one of Array.isArray(found) ? (found as unknown[]) : [found])
      if (one !== null && one !== undefined) size += sizeOf(one, below, node.selectionSet);
    return size;
  }

  return asked.reduce((sum, node) => {
    const meta = node.name.value === '__schema' ? SchemaMetaFieldDef : TypeMetaFieldDef;
    const name = node.arguments?.[0] && valueFromASTUntyped(node.arguments[0].value, variables);
    const value = meta === SchemaMetaFieldDef ? schema : schema.getType(String(name));
    const type = getNamedType(meta.type);
    if (value === undefined || node.selectionSet === undefined || !isObjectType(type)) return sum + 1;
    return sum + sizeOf(value, type, node.selectionSet);
  }, 0);
}

function fieldsOf({ definitions }: typeof STANDARD): readonly FieldNode[] {
  return definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? definition.selectionSet.selections.filter((one) => one.kind === Kind.FIELD)
      : [],
  );
}
