import { type DefinitionNode, type FieldDefinitionNode, Kind, parse, print } from 'graphql';

/** Where a subgraph answers is decided when the gateway loads the SDL, and differs from host to host. */
const GRAPH_URL = /(@join__graph\(name: "[^"]*", url: )"[^"]*"/g;

/** The types and fields in which two supergraphs differ, URLs apart; `@` stands for everything that is no type. */
export function findStaleCoordinates(committed: string, composed: string): readonly string[] {
  const before = coordinates(committed);
  const after = coordinates(composed);
  return [...new Set([...before.keys(), ...after.keys()])].filter((at) => before.get(at) !== after.get(at));
}

function coordinates(sdl: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (sdl === '') return texts;
  for (const definition of parse(sdl.replaceAll(GRAPH_URL, '$1""'), { noLocation: true }).definitions) {
    const name = nameOf(definition);
    const fields = 'fields' in definition ? (definition.fields ?? []) : [];
    for (const field of fields) texts.set(`${name}.${field.name.value}`, print(field));
    const without =
      'fields' in definition ? { ...definition, fields: [] as FieldDefinitionNode[] } : definition;
    texts.set(name, (texts.get(name) ?? '') + print(without as DefinitionNode));
  }
  return texts;
}

function nameOf(definition: DefinitionNode): string {
  if (definition.kind === Kind.DIRECTIVE_DEFINITION) return `@${definition.name.value}`;
  return 'name' in definition ? definition.name.value : '@';
}
