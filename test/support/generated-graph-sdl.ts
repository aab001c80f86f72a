import { contextOf, contextTypes } from './generated-context.ts';
import { decorate, MARK } from './generated-decoration.ts';
import { type GraphEntity, type GraphField, type GraphModel, hasId, SUBGRAPHS } from './generated-graph.ts';

/** What a field requires others with: each something else. */
export function requiredArguments(field: string) {
  return { x: Number(field.at(-1)), c: 'RED', in: { n: 5, list: [1] } };
}

const COMMON = `
  scalar Json @specifiedBy(url: "https://example.com/json")
  input Box { n: Int = 2 list: [Int!] = [1] c: Color secret: Int @inaccessible }
  interface M { id: ID! }
  interface H @inaccessible { id: ID! }
  type Hid @shareable @inaccessible { n: Int }
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
    const own = fields
      .filter(({ at }) => at.includes(number))
      .map((field) => `${ownField(model, field)} ${decoration(model, field, name)}`);
    return own.length === 0 ? '' : `type ${name} { ${own.join(' ')} }`;
  };
  const n = number === 0 && model.implementers.length > 0;
  return [
    MARK,
    COMMON,
    `enum Color { RED GREEN BLUE ${model.hidesColor ? 'INFRARED @inaccessible' : ''} }`,
    root('Query', model.queries),
    root('Mutation', model.mutations),
    `union U = ${(model.members[number] ?? []).join(' | ')}`,
    n ? 'interface N @key(fields: "id") { id: ID! label: String }' : '',
    usesK(model, number) ? 'type K @shareable { a: Int! b: String }' : '',
    contextTypes(model.context, number),
    ...model.entities.map((entity) => entitySdl(model, entity, number)),
  ].join('\n');
}

function usesK({ entities }: GraphModel, number: number): boolean {
  return entities.some(({ keys }) => keys[number]?.some((key) => key.includes('k {')));
}

function entitySdl(model: GraphModel, { name, keys, fields }: GraphEntity, number: number): string {
  const own = keys[number] ?? [];
  const isN = number === 0 && model.implementers.includes(name);
  const interfaces = [...(hasId(own) ? ['M', 'H'] : []), ...(isN ? ['N'] : [])];
  const context = contextOf(model.context, name, number);
  const inKeys = (field: string) => own.some((key) => new RegExp(`\\b${field}\\b`).test(key));
  const inKey = [
    inKeys('id') ? 'id: ID!' : '',
    inKeys('region') ? 'region: String!' : '',
    inKeys('sku') ? 'sku: String!' : '',
    inKeys('k') ? 'k: K!' : '',
  ];
  const more = [
    isN ? 'label: String' : '',
    ...context.fields,
    ...fields.map((field) => entityField(model, fields, field, number)),
  ].filter((line) => line !== '');
  const implemented = interfaces.length === 0 ? '' : `implements ${interfaces.join(' & ')}`;
  // Where there is nothing to enter for, a subgraph need not be one that can be entered.
  const isStub = more.length === 0 && keys.every((others) => others.length === 1);
  const keyed = own.map((key) => `@key(fields: "${key}"${isStub ? ', resolvable: false' : ''})`).join(' ');
  const head = ['type', 'type', 'extend type'][number] ?? 'type';
  const extended = number === 1 ? '@extends' : '';
  return `${head} ${name} ${implemented} ${extended} ${keyed} ${context.directive} { ${[...inKey, ...more].join('\n')} }`;
}

/** Directives that change no answer; what others use is not guarded, since they would have to be guarded as well. */
function decoration({ entities, queries, salt }: GraphModel, field: GraphField, type: string): string {
  const isUsed =
    entities.some(({ fields }) => fields.some(({ requires }) => requires.includes(field))) ||
    queries.some(({ provides }) => provides === field);
  const shape = { isList: field.wraps.includes('[]'), mayBeGuarded: !isUsed };
  return decorate(`${type}.${field.name}`, salt, shape);
}

function entityField(
  model: GraphModel,
  fields: readonly GraphField[],
  field: GraphField,
  number: number,
): string {
  const { at, movedFrom, movedPercent, requires } = field;
  const providers = model.queries.filter(({ provides }) => provides === field);
  if (at.includes(number)) {
    const inputs = requires.map((input) => requiredText(input, field.name)).join(' ');
    const label = movedPercent === undefined ? '' : `, label: "percent(${String(movedPercent)})"`;
    return [
      ownField(model, field),
      model.hidden.has(field.name) ? '@inaccessible' : decoration(model, field, ''),
      at.length > 1 || providers.length > 0 ? '@shareable' : '',
      inputs === '' ? '' : `@requires(fields: "${inputs}")`,
      movedFrom === undefined ? '' : `@override(from: "s${String(movedFrom)}"${label})`,
    ].join(' ');
  }
  if (movedFrom === number) return ownField(model, field);
  const required = fields.some((other) => other.at.includes(number) && other.requires.includes(field));
  const provided = providers.some(({ at: where }) => where.includes(number));
  return required || provided ? `${ownField(model, { ...field, provides: undefined })} @external` : '';
}

function ownField(
  { hidingArgument }: GraphModel,
  { name, base, wraps, takesArguments, provides }: GraphField,
): string {
  const type = wraps.reduce<string>((text, wrap) => (wrap === '!' ? `${text}!` : `[${text}]`), base);
  const provided = provides === undefined ? '' : `@provides(fields: "${provides.name}")`;
  const hiding = hidingArgument.has(name) ? ' @inaccessible' : '';
  const given = takesArguments ? `(x: Int = 1, c: Color = RED${hiding}, in: Box = { n: 5 })` : '';
  return `${name}${given}: ${type} ${provided}`;
}

function requiredText({ name, base, takesArguments }: GraphField, by: string): string {
  const given = takesArguments ? `(x: ${String(requiredArguments(by).x)})` : '';
  return `${name}${given}${base === 'V' ? ' { n w { q } }' : ''}`;
}
