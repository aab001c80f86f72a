import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql';

/** Whether a value that was sent as JSON can be coerced. */
export type Accepts = (value: unknown) => boolean;

/** A memo, not state: types never change. */
const objects = new WeakMap<GraphQLInputObjectType, Accepts>();

/**
 * The input coercion of a type (GraphQL, section 3) as a question: it makes nothing, and looks at what was sent alone.
 * What graphql-js makes of `{}` takes as long as the type has fields.
 */
export function acceptsOf(type: GraphQLInputType): Accepts {
  if (isNonNullType(type)) {
    const accepts = acceptsOf(type.ofType);
    return (value) => value !== null && accepts(value);
  }
  if (isListType(type)) {
    const accepts = acceptsOf(type.ofType);
    return (value) =>
      value === null || (Array.isArray(value) ? value.every((item) => accepts(item)) : accepts(value));
  }
  return isInputObjectType(type) ? acceptsObject(type) : acceptsLeaf(type);
}

function acceptsLeaf(type: GraphQLLeafType): Accepts {
  return (value) => {
    if (value === null) return true;
    try {
      return (isEnumType(type) ? type.parseValue(value, true) : type.parseValue(value)) !== undefined;
    } catch {
      return false;
    }
  };
}

function acceptsObject(type: GraphQLInputObjectType): Accepts {
  const known = objects.get(type);
  if (known !== undefined) return known;
  const { isOneOf } = type;
  const required: string[] = [];
  const members = new Map<string, Accepts>();
  const accepts: Accepts = (value) => {
    if (value === null) return true;
    if (typeof value !== 'object' || Array.isArray(value)) return false;
    let sent = 0;
    for (const name in value) {
      const member = (value as Readonly<Record<string, unknown>>)[name];
      sent += 1;
      if (members.get(name)?.(member) !== true || (isOneOf && member === null)) return false;
    }
    return (!isOneOf || sent === 1) && required.every((name) => Object.hasOwn(value, name));
  };
  objects.set(type, accepts); // before its fields, which may be of this type
  for (const field of Object.values(type.getFields())) {
    members.set(field.name, acceptsOf(field.type));
    if (isRequiredInputField(field)) required.push(field.name);
  }
  return accepts;
}
