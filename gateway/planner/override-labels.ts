import { sha256 } from '@aduana/core/platform/digest';
import { type GraphQLSchema, isInterfaceType, isObjectType, Kind } from 'graphql';

/** The labels of progressive `@override` in a supergraph, such as `percent(25)`. */
export function readOverrideLabels(supergraph: GraphQLSchema): readonly string[] {
  const labels = new Set<string>();
  for (const type of Object.values(supergraph.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const { astNode } of Object.values(type.getFields())) {
      for (const { name, arguments: given } of astNode?.directives ?? []) {
        if (name.value !== 'join__field') continue;
        const label = given?.find((argument) => argument.name.value === 'overrideLabel')?.value;
        if (label?.kind === Kind.STRING) labels.add(label.value);
      }
    }
  }
  return [...labels].sort();
}

/**
 * The labels that hold for one request: `percent(N)` for N out of a hundred requests, decided by the request's trace;
 * any other label for none.
 */
export function chooseOverrides(labels: readonly string[], traceId: string): readonly string[] {
  return labels.filter(
    (label) => sha256(`${traceId} ${label}`).readUInt32BE(0) / 2 ** 32 < percentOf(label) / 100,
  );
}

const MOST_CHOICES = 8;

/** What may be chosen for a request, as far as that are few. */
export function possibleOverrides(labels: readonly string[]): readonly (readonly string[])[] {
  let choices: (readonly string[])[] = [[]];
  for (const label of labels) {
    const percent = percentOf(label);
    if (percent <= 0) continue;
    const held = choices.map((choice) => [...choice, label]);
    choices = percent >= 100 ? held : [...choices, ...held].slice(0, MOST_CHOICES);
  }
  return choices;
}

function percentOf(label: string): number {
  return Number(/^percent\((\d+(?:\.\d+)?)\)$/.exec(label)?.[1] ?? 0);
}
