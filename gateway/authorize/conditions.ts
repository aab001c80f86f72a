import { SecurityError } from '@aduana/core/errors/security-error';
import {
  type DirectiveNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type ValueNode,
} from 'graphql';

/** The value of each variable that `@skip` or `@include` reads. */
export type ConditionValues = ReadonlyMap<string, boolean>;

/** The variables that decide whether this selection runs. */
export function conditionVariables({ directives = [] }: SelectionNode): string[] {
  return directives.flatMap((directive) => {
    const value = conditionOf(directive);
    return value?.kind === Kind.VARIABLE ? [value.name.value] : [];
  });
}

/**
 * The values for one request, defaults of the operation included.
 *
 * @throws SecurityError `BAD_REQUEST` for one that is not a boolean
 */
export function readConditionValues(
  names: readonly string[],
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): ConditionValues {
  return new Map(
    names.map((name) => {
      const value = Object.hasOwn(variables, name) ? variables[name] : defaultOf(operation, name);
      if (typeof value !== 'boolean') {
        throw new SecurityError('BAD_REQUEST', { detail: 'A variable of @skip or @include is no boolean' });
      }
      return [name, value];
    }),
  );
}

/** Whether `@skip` and `@include` let the selection run. */
export function runs({ directives }: SelectionNode, values: ConditionValues): boolean {
  if (directives === undefined || directives.length === 0) return true;
  return directives.every((directive) => {
    const condition = conditionOf(directive);
    if (condition === undefined) return true;
    const holds =
      condition.kind === Kind.VARIABLE
        ? values.get(condition.name.value) === true
        : condition.kind === Kind.BOOLEAN && condition.value;
    return directive.name.value === 'include' ? holds : !holds;
  });
}

/** Directives that are left to carry out. */
export function withoutConditions(directives: readonly DirectiveNode[] = []): readonly DirectiveNode[] {
  return directives.length === 0 ? directives : directives.filter((one) => conditionOf(one) === undefined);
}

function conditionOf({ name, arguments: given }: DirectiveNode): ValueNode | undefined {
  if (name.value !== 'skip' && name.value !== 'include') return undefined;
  return given?.find((argument) => argument.name.value === 'if')?.value;
}

function defaultOf({ variableDefinitions }: OperationDefinitionNode, name: string): unknown {
  const value = variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}
