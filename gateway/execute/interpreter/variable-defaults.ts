/** Execute, interpreter: the values that `@skip`, `@include` and plan conditions are decided by. */

import { type OperationDefinitionNode, valueFromASTUntyped } from 'graphql';

/** The variables of an operation with its defaults for those that were not given (GraphQL section 6.1.2). */
export function applyVariableDefaults(
  { variableDefinitions }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (variableDefinitions === undefined || variableDefinitions.length === 0) return variables;
  const complete = Object.assign(Object.create(null), variables) as Record<string, unknown>;
  for (const { variable, defaultValue } of variableDefinitions)
    if (defaultValue !== undefined && complete[variable.name.value] === undefined)
      complete[variable.name.value] = valueFromASTUntyped(defaultValue);
  return complete;
}
