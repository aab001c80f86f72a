import { SecurityError } from '@aduana/core/errors/security-error';
import {
  type DirectiveNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type ValueNode,
} from 'graphql';

/** The value of each variable that `@skip`, `@include` or `@defer` reads. */
export type ConditionValues = ReadonlyMap<string, boolean>;

/** The variables that decide whether this selection runs, and when. */
export function conditionVariables({ directives = [] }: SelectionNode): string[] {
  return directives.flatMap((directive) => {
    const value = isDefer(directive) ? argumentOf(directive, 'if') : conditionOf(directive);
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
        throw new SecurityError('BAD_REQUEST', {
          detail: 'A variable of @skip, @include or @defer is no boolean',
        });
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
    const isTrue = holds(condition, values);
    return directive.name.value === 'include' ? isTrue : !isTrue;
  });
}

function holds(condition: ValueNode, values: ConditionValues): boolean {
  return condition.kind === Kind.VARIABLE
    ? values.get(condition.name.value) === true
    : condition.kind === Kind.BOOLEAN && condition.value;
}

/** Whether a `@defer` of the selection holds, and the label that the client gave it. */
export function deferOf(
  { directives = [] }: SelectionNode,
  values: ConditionValues,
): { readonly label: string | undefined } | undefined {
  const defer = directives.find(isDefer);
  if (defer === undefined) return undefined;
  const condition = argumentOf(defer, 'if');
  if (condition !== undefined && !holds(condition, values)) return undefined;
  const label = argumentOf(defer, 'label');
  return { label: label?.kind === Kind.STRING ? label.value : undefined };
}

export function isDefer({ name }: DirectiveNode): boolean {
  return name.value === 'defer';
}

/** Directives that are left to carry out. */
export function withoutConditions(directives: readonly DirectiveNode[] = []): readonly DirectiveNode[] {
  return directives.length === 0
    ? directives
    : directives.filter((one) => conditionOf(one) === undefined && !isDefer(one));
}

function conditionOf(directive: DirectiveNode): ValueNode | undefined {
  const name = directive.name.value;
  return name === 'skip' || name === 'include' ? argumentOf(directive, 'if') : undefined;
}

function argumentOf({ arguments: given }: DirectiveNode, name: string): ValueNode | undefined {
  return given?.find((argument) => argument.name.value === name)?.value;
}

function defaultOf({ variableDefinitions }: OperationDefinitionNode, name: string): unknown {
  const value = variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}
