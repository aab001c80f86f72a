import {
  type GraphQLSchema,
  isInputType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
  type VariableDefinitionNode,
} from 'graphql';
import { type Accepts, acceptsOf } from './accepts-value.ts';
import { describeErrors, RequestErrors } from './request-errors.ts';

type Variables = Readonly<Record<string, unknown>>;

/**
 * The variables that an operation of a valid document defines, as sent, after checking that they can be coerced.
 *
 * @throws RequestErrors `BAD_USER_INPUT`
 */
export type ReadVariables = (operation: OperationDefinitionNode, sent: Variables) => Variables;

interface Defined {
  readonly name: string;
  readonly isRequired: boolean;
  readonly accepts: Accepts;
  readonly position: number;
}

const NO_VARIABLES: Variables = Object.freeze({});
const ERRORS_TOLD = 10;

/** @param schema that of the documents whose operations come */
export function createReadVariables(schema: GraphQLSchema): ReadVariables {
  const known = new WeakMap<OperationDefinitionNode, readonly Defined[]>();
  return (operation, sent) => {
    const { variableDefinitions: definitions = [] } = operation;
    if (definitions.length === 0) return NO_VARIABLES;
    let defined = known.get(operation);
    if (defined === undefined)
      known.set(operation, (defined = definitions.map((definition) => describe(definition, schema))));
    const own = Object.create(null) as Record<string, unknown>;
    const bad: Defined[] = [];
    for (const one of defined) {
      const isSent = Object.hasOwn(sent, one.name);
      if (isSent) own[one.name] = sent[one.name];
      if (isSent ? !one.accepts(sent[one.name]) : one.isRequired) bad.push(one);
      if (bad.length === ERRORS_TOLD) break;
    }
    if (bad.length > 0) throw refusal(bad, own, operation.loc?.source.body ?? '');
    return own;
  };
}

function describe(
  { variable, type: node, defaultValue, loc }: VariableDefinitionNode,
  schema: GraphQLSchema,
): Defined {
  const type = typeFromAST(schema, node);
  if (!isInputType(type)) throw new TypeError('Validation admits input types alone');
  return {
    name: variable.name.value,
    isRequired: isNonNullType(type) && defaultValue === undefined,
    accepts: acceptsOf(type),
    position: loc?.start ?? 0,
  };
}

/** Which variable and why is enough: what was sent is not repeated. */
function refusal(bad: readonly Defined[], own: Variables, text: string): RequestErrors {
  const errors = bad.map(({ name, position }) => {
    const isMissing = own[name] === undefined || own[name] === null;
    const problem = isMissing ? 'needs a value' : 'got an invalid value';
    return { message: `Variable "$${name}" ${problem}.`, positions: [position] };
  });
  return new RequestErrors('BAD_USER_INPUT', describeErrors(errors, text));
}
