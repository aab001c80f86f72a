import { readFile } from 'node:fs/promises';
import {
  buildASTSchema,
  type DocumentNode,
  type FieldDefinitionNode,
  getNamedType,
  type GraphQLField,
  isCompositeType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  Kind,
  parse,
  visit,
} from 'graphql';

/** What a command is for, and the command. */
export type WelcomeCommand = readonly [what: string, command: string];

const EXAMPLE: readonly WelcomeCommand[] = [
  ['a query that works', `npx aduana query --as bff '{ leads { company score campaign { name } } }'`],
  ['one that is partly refused', `npx aduana query --as bff '{ leads { company contact { email } } }'`],
  ['an admin rotates the signing keys', `npx aduana keys rotate --reason 'first look'`],
];
const OWN_GRAPHS = new Set(['STS', 'AUDIT', 'ADMIN']);
const INACCESSIBLE = 'inaccessible';
const SHOWN_FIELDS = 3;

/** Commands to paste that fit the graph that runs: the example's, or queries on the first fields of another graph. */
export async function welcomeCommands(supergraphFile: string): Promise<readonly WelcomeCommand[]> {
  const document = parse(await readFile(supergraphFile, 'utf8'), { noLocation: true });
  const schema = buildASTSchema(withoutInaccessible(document), { assumeValid: true, assumeValidSDL: true });
  const queries = schema.getQueryType()?.getFields() ?? {};
  const mutations = schema.getMutationType()?.getFields() ?? {};
  if (queries['leads'] !== undefined && queries['lead'] !== undefined) return EXAMPLE;
  const own = fieldsOfOwnGraphs(document);
  const field = Object.values(queries).find(
    ({ name, args }) => !own.has(name) && !args.some(isRequiredArgument),
  );
  return [
    ...(field === undefined
      ? []
      : [
          [
            'a query on your graph',
            `npx aduana query --as bff '{ ${field.name}${selectionOf(field)} }'`,
          ] as const,
        ]),
    ...(queries['whoami'] === undefined
      ? []
      : [['who the gateway takes you for', `npx aduana query --as bff '{ whoami { subject } }'`] as const]),
    ...(mutations['rotateSigningKeys'] === undefined ? [] : EXAMPLE.slice(2)),
    ['why something is refused', 'npx aduana policy explain --as bff'],
  ];
}

/**
 * The gateway has loaded the supergraph and refuses a bad one: to read names out of it needs no planner here. Composition
 * sees to it that nothing that is left names what has been left out.
 */
function withoutInaccessible(supergraph: DocumentNode): DocumentNode {
  const unlessHidden = ({ directives = [] }: Pick<FieldDefinitionNode, 'directives'>) =>
    directives.some(({ name }) => name.value === INACCESSIBLE) ? null : undefined;
  return visit(supergraph, { FieldDefinition: unlessHidden, InputValueDefinition: unlessHidden });
}

function selectionOf({ type }: GraphQLField<unknown, unknown>): string {
  const named = getNamedType(type);
  if (!isCompositeType(named)) return '';
  const leaves = isObjectType(named)
    ? Object.values(named.getFields())
        .filter((field) => !field.args.some(isRequiredArgument) && isLeafType(getNamedType(field.type)))
        .slice(0, SHOWN_FIELDS)
        .map(({ name }) => name)
    : [];
  return ` { ${leaves.length === 0 ? '__typename' : leaves.join(' ')} }`;
}

/** The root fields that Aduana's own subgraphs resolve, by `@join__field(graph:)` of the composed SDL. */
function fieldsOfOwnGraphs(supergraph: DocumentNode): ReadonlySet<string> {
  const own = new Set<string>();
  visit(supergraph, {
    ObjectTypeDefinition: (type) => (type.name.value === 'Query' ? undefined : false),
    FieldDefinition(field) {
      for (const { name, arguments: given = [] } of field.directives ?? [])
        for (const { name: argument, value } of given)
          if (
            name.value === 'join__field' &&
            argument.value === 'graph' &&
            value.kind === Kind.ENUM &&
            OWN_GRAPHS.has(value.value)
          )
            own.add(field.name.value);
    },
  });
  return own;
}
