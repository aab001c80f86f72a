import {
  Composer,
  CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  Parser,
  type YAMLMap,
} from 'yaml';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';

type Path = readonly PropertyKey[];

/** A YAML file's value, and the line of each part of it. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** `file:line` of the node at `path`, or of its nearest ancestor. */
  locate(path: Path): string;
}

interface Finding {
  readonly position: number;
  readonly problem: string;
  readonly remedy: string;
}

const MAX_DEPTH = 100;

/** The schema is fixed, so that a `%YAML 1.1` directive brings back neither merge keys nor `yes` as a boolean. */
const COMPOSER_OPTIONS = { schema: 'core', merge: false, uniqueKeys: false } as const;

const WRITE_OUT = 'Write the value out: anchors and aliases are not accepted';
const REFUSED_TOKENS: Partial<Record<CST.Token['type'], Omit<Finding, 'position'>>> = {
  alias: { problem: 'uses an alias', remedy: WRITE_OUT },
  anchor: { problem: 'uses an anchor', remedy: WRITE_OUT },
  tag: { problem: 'uses a tag', remedy: 'Write the plain value: tags are not accepted' },
};

/**
 * Reads one strict YAML 1.2 document of at most 100 levels: no tags, anchors, aliases, merge keys or duplicate keys,
 * and text for each key.
 *
 * @throws ConfigurationError with every problem that the file has, each as `file:line`; after an error of syntax it
 *   reads no further
 */
export function parseYaml(text: string, file: string): YamlDocument {
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const place = (position: number): string => `${file}:${String(lines.linePos(position).line)}`;
  const refuse = (findings: readonly Finding[]): void => {
    if (findings.length === 0) return;
    const inOrder = findings.toSorted((one, other) => one.position - other.position);
    throw new ConfigurationError(
      inOrder.map(({ position, problem, remedy }) => ({ subject: place(position), problem, remedy })),
    );
  };
  refuse(findUnreadable(text, tokens));
  const [document, another] = new Composer(COMPOSER_OPTIONS).compose(tokens, true, text.length);
  refuse(findSyntaxErrors(document));
  refuse([
    ...findRefusedTokens(tokens),
    ...findRefusedKeys(document?.contents),
    ...findWrongCount(document, another),
  ]);
  const pairOf = createPairLookup();
  return {
    file,
    value: document?.toJS({ maxAliasCount: 0 }),
    locate: (path) => place(findPosition(document?.contents, path, pairOf)),
  };
}

/** What is refused before anything is built from it. */
function findUnreadable(text: string, tokens: readonly CST.Token[]): readonly Finding[] {
  const findings: Finding[] = [];
  const unprintable = text.search(/(?![\t\n\r\u0085])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u);
  if (unprintable >= 0)
    findings.push({
      position: unprintable,
      problem: 'is not valid YAML: it holds an unprintable character',
      remedy: 'Remove the character',
    });
  visitItems(tokens, ({ key, value }, depth) => {
    if (depth < MAX_DEPTH || !(CST.isCollection(key) || CST.isCollection(value))) return undefined;
    findings.push({
      position: (value ?? key)?.offset ?? 0,
      problem: `is nested in more than ${String(MAX_DEPTH)} levels`,
      remedy: 'Use fewer levels',
    });
    return CST.visit.BREAK;
  });
  return findings;
}

/** The first error: those after it are often its echo. Unknown tags are refused with all tags. */
function findSyntaxErrors(document: Document.Parsed | undefined): readonly Finding[] {
  const error = document?.errors.find(({ code }) => code !== 'TAG_RESOLVE_FAILED');
  if (error === undefined) return [];
  return [
    {
      position: error.pos[0],
      problem: `is not valid YAML: ${error.message}`,
      remedy: 'Correct its syntax',
    },
  ];
}

function findRefusedTokens(tokens: readonly CST.Token[]): readonly Finding[] {
  const findings: Finding[] = [];
  visitItems(tokens, ({ start, key, sep = [], value }) => {
    for (const token of [...start, key, ...sep, value]) {
      const refused = token && REFUSED_TOKENS[token.type];
      if (token && refused) findings.push({ position: token.offset, ...refused });
    }
    return undefined;
  });
  return findings;
}

/** Duplicates are found here, not by the composer, because it compares each key with each other and names none. */
function* findRefusedKeys(node: ParsedNode | null | undefined): Generator<Finding> {
  if (isSeq(node)) for (const item of node.items) yield* findRefusedKeys(item);
  if (!isMap(node)) return;
  const names = new Set<string>();
  for (const { key, value } of node.items) {
    const position = key.range[0];
    const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    if (name === undefined || name === '<<' || name === '__proto__')
      yield { position, problem: 'has a key that is not accepted', remedy: 'Use plain text as a key' };
    else if (names.has(name))
      yield { position, problem: `has the key \`${name}\` twice`, remedy: 'Keep one of the two' };
    else names.add(name);
    yield* findRefusedKeys(key);
    yield* findRefusedKeys(value);
  }
}

function findWrongCount(
  document: Document.Parsed | undefined,
  another: Document.Parsed | undefined,
): readonly Finding[] {
  if (document === undefined || document.contents === null)
    return [{ position: 0, problem: 'holds no document', remedy: 'Write `version: 1` at its top' }];
  if (another === undefined) return [];
  return [
    {
      position: another.range[0],
      problem: 'holds more than one document',
      remedy: 'Keep one document in the file',
    },
  ];
}

type Pair = YAMLMap.Parsed['items'][number];
type PairLookup = (map: YAMLMap.Parsed, key: PropertyKey) => Pair | undefined;

/** The library looks through all pairs for each key. */
function createPairLookup(): PairLookup {
  const known = new Map<YAMLMap.Parsed, ReadonlyMap<unknown, Pair>>();
  return (map, key) => {
    let pairs = known.get(map);
    if (pairs === undefined) {
      pairs = new Map(map.items.map((pair) => [isScalar(pair.key) ? pair.key.value : undefined, pair]));
      known.set(map, pairs);
    }
    return pairs.get(key);
  };
}

/** The position of the key of a mapping, or of the item of a sequence. */
function findPosition(root: ParsedNode | null | undefined, path: Path, pairOf: PairLookup): number {
  let node = root;
  let position = root?.range[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = pairOf(node, step);
      if (pair === undefined) break;
      position = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step];
      if (item === undefined) break;
      position = item.range[0];
      node = item;
    } else break;
  }
  return position;
}

type ItemVisitor = (item: CST.CollectionItem, depth: number) => symbol | undefined;

function visitItems(tokens: readonly CST.Token[], visitor: ItemVisitor): void {
  for (const token of tokens)
    if (token.type === 'document') CST.visit(token, (item, path) => visitor(item, path.length));
}
