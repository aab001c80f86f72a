import { type GraphEntity, type GraphField, type GraphModel, hasId, SUBGRAPHS } from './generated-graph.ts';

/** What a field requires others with: each something else. */
export function requiredArguments(field: string) {
  return { x: Number(field.at(-1)), c: 'RED', in: { n: 5, list: [1] } };
}

const ARGUMENTS = '(x: Int = 1, c: Color = RED, in: Box = { n: 5 })';
const COMMON = `
  scalar Json
  enum Color { RED GREEN BLUE }
  input Box { n: Int = 2 list: [Int!] = [1] c: Color }
  interface M { id: ID! }
  type V @shareable { n: Int t: String! w: W e: E0 }
  type W @shareable { q: Float again: [Int!] }
`;

/** The SDL of each subgraph, by its name. */
export function subgraphSdls(model: GraphModel): Readonly<Record<string, string>> {
  const sdls = SUBGRAPHS.map((number) => [`s${String(number)}`, sdlOf(model, number)] as const);
  const withN = model.implementers.length > 0;
  return Object.fromEntries([...sdls, ...(withN ? [['s3', INTERFACE_OBJECT] as const] : [])]);
}

const INTERFACE_OBJECT = `
  type Query { tops: [N] }
  type N @key(fields: "id") @interfaceObject { id: ID! nx: Int ny: [String!]! }
`;

function sdlOf(model: GraphModel, number: number): string {
  const root = (name: string, fields: readonly GraphField[]) => {
    const own = fields.filter(({ at }) => at.includes(number)).map((field) => ownField(field));
    return own.length === 0 ? '' : `type ${name} { ${own.join(' ')} }`;
  };
  const n = number === 0 && model.implementers.length > 0;
  return [
    COMMON,
    root('Query', model.queries),
    root('Mutation', model.mutations),
    `union U = ${(model.members[number] ?? []).join(' | ')}`,
    n ? 'interface N @key(fields: "id") { id: ID! label: String }' : '',
    usesK(model, number) ? 'type K @shareable { a: Int! b: String }' : '',
    ...model.entities.map((entity) => entitySdl(model, entity, number)),
  ].join('\n');
}

function usesK({ entities }: GraphModel, number: number): boolean {
  return entities.some(({ keys }) => keys[number]?.some((key) => key.includes('k {')));
}

function entitySdl(model: GraphModel, { name, keys, fields }: GraphEntity, number: number): string {
  const own = keys[number] ?? [];
  const isN = number === 0 && model.implementers.includes(name);
  const interfaces = [...(hasId(own) ? ['M'] : []), ...(isN ? ['N'] : [])];
  const inKeys = (field: string) => own.some((key) => new RegExp(`\\b${field}\\b`).test(key));
  const lines = [
    inKeys('id') ? 'id: ID!' : '',
    inKeys('region') ? 'region: String!' : '',
    inKeys('sku') ? 'sku: String!' : '',
    inKeys('k') ? 'k: K!' : '',
    isN ? 'label: String' : '',
    ...fields.map((field) => entityField(model, fields, field, number)),
  ];
  const implemented = interfaces.length === 0 ? '' : `implements ${interfaces.join(' & ')}`;
  const keyed = own.map((key) => `@key(fields: "${key}")`).join(' ');
  return `type ${name} ${implemented} ${keyed} { ${lines.filter((line) => line !== '').join('\n')} }`;
}

function entityField(
  { queries }: GraphModel,
  fields: readonly GraphField[],
  field: GraphField,
  number: number,
): string {
  const { at, movedFrom, movedPercent, requires } = field;
  const providers = queries.filter(({ provides }) => provides === field);
  if (at.includes(number)) {
    const inputs = requires.map((input) => requiredText(input, field.name)).join(' ');
    const label = movedPercent === undefined ? '' : `, label: "percent(${String(movedPercent)})"`;
    return [
      ownField(field),
      at.length > 1 || providers.length > 0 ? '@shareable' : '',
      inputs === '' ? '' : `@requires(fields: "${inputs}")`,
      movedFrom === undefined ? '' : `@override(from: "s${String(movedFrom)}"${label})`,
    ].join(' ');
  }
  if (movedFrom === number) return ownField(field);
  const required = fields.some((other) => other.at.includes(number) && other.requires.includes(field));
  const provided = providers.some(({ at: where }) => where.includes(number));
  return required || provided ? `${ownField({ ...field, provides: undefined })} @external` : '';
}

function ownField({ name, base, wraps, takesArguments, provides }: GraphField): string {
  const type = wraps.reduce<string>((text, wrap) => (wrap === '!' ? `${text}!` : `[${text}]`), base);
  const provided = provides === undefined ? '' : `@provides(fields: "${provides.name}")`;
  return `${name}${takesArguments ? ARGUMENTS : ''}: ${type} ${provided}`;
}

function requiredText({ name, base, takesArguments }: GraphField, by: string): string {
  const given = takesArguments ? `(x: ${String(requiredArguments(by).x)})` : '';
  return `${name}${given}${base === 'V' ? ' { n w { q } }' : ''}`;
}
