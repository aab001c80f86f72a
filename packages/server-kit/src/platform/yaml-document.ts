import {
  COLLECTION_STYLE,
  constructFromEvents,
  type Event,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';

type Path = readonly PropertyKey[];

/** A YAML file's value, and where each part of it stands. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** `file:line` of the node at `path`, or of its nearest ancestor. */
  locate(path: Path): string;
}

interface Node {
  readonly position: number;
  readonly value: unknown;
  readonly members?: ReadonlyMap<PropertyKey, Node>;
}

/**
 * Reads one strict YAML 1.2 document of at most 100 levels: no tags, anchors, aliases, merge keys or duplicate keys,
 * and text for each key.
 *
 * @throws ConfigurationError with every problem that the file has, each as `file:line`
 */
export function parseYaml(text: string, file: string): YamlDocument {
  const lineAt = createLineIndex(text);
  const place = (position: number): string => `${file}:${String(lineAt(position))}`;
  const events = readEvents(text, file);
  const problems: ConfigurationProblem[] = [];
  const root = buildTree(events, text, (position, problem, remedy) => {
    problems.push({ subject: place(position), problem, remedy });
  });
  if (root === undefined && problems.length === 0)
    problems.push({
      subject: place(0),
      problem: 'holds no document',
      remedy: 'Write `version: 1` at its top',
    });
  if (root === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return {
    file,
    value: root.value,
    locate: (path) => place(find(root, path).position),
  };
}

function readEvents(text: string, file: string): readonly Event[] {
  try {
    return parseEvents(text, { filename: file, maxDepth: 100 });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = String((error.mark?.line ?? 0) + 1);
    throw new ConfigurationError([
      {
        subject: `${file}:${line}`,
        problem: `is not valid YAML: ${error.reason}`,
        remedy: 'Correct its syntax',
      },
    ]);
  }
}

function find(root: Node, path: Path): Node {
  let node = root;
  for (const step of path) {
    const next = node.members?.get(step);
    if (next === undefined) break;
    node = next;
  }
  return node;
}

type Report = (position: number, problem: string, remedy: string) => void;

interface Open {
  readonly kind: 'document' | 'sequence' | 'mapping';
  readonly position: number;
  readonly members: Map<PropertyKey, Node>;
  key: { readonly text: string; readonly position: number } | undefined;
}

function buildTree(events: readonly Event[], source: string, report: Report): Node | undefined {
  const open: Open[] = [];
  const plain = readPlainScalars(events, source).values();
  let root: Node | undefined;
  let documents = 0;

  function add(position: number, node: Node): void {
    const parent = open.at(-1);
    if (parent === undefined) return;
    if (parent.kind === 'document') root = node;
    else if (parent.kind === 'sequence') parent.members.set(parent.members.size, node);
    else if (parent.key === undefined) parent.key = readKey(parent, position, node, report);
    else {
      parent.members.set(parent.key.text, { ...node, position: parent.key.position });
      parent.key = undefined;
    }
  }

  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      const closed = open.pop();
      if (closed !== undefined && closed.kind !== 'document') add(closed.position, close(closed));
    } else if (event.type === EVENT_ID.DOCUMENT) {
      documents += 1;
      if (documents > 1)
        report(source.length, 'holds more than one document', 'Keep one document in the file');
      open.push({ kind: 'document', position: 0, members: new Map(), key: undefined });
    } else if (event.type === EVENT_ID.ALIAS) {
      report(event.anchorStart, 'uses an alias', 'Write the value out: anchors and aliases are not accepted');
      add(event.anchorStart, { position: event.anchorStart, value: null });
    } else {
      refuseTagsAndAnchors(event, report);
      if (event.type === EVENT_ID.SCALAR) {
        const position = Math.max(event.valueStart, 0);
        add(position, {
          position,
          value: isPlain(event) ? plain.next().value : getScalarValue(source, event),
        });
      } else
        open.push({
          kind: event.type === EVENT_ID.MAPPING ? 'mapping' : 'sequence',
          position: event.start,
          members: new Map(),
          key: undefined,
        });
    }
  }
  return root;
}

function refuseTagsAndAnchors(event: { tagStart: number; anchorStart: number }, report: Report): void {
  if (event.tagStart >= 0)
    report(event.tagStart, 'uses a tag', 'Write the plain value: tags are not accepted');
  if (event.anchorStart >= 0)
    report(event.anchorStart, 'uses an anchor', 'Write the value out: anchors and aliases are not accepted');
}

function readKey(mapping: Open, position: number, node: Node, report: Report): Open['key'] {
  const text = typeof node.value === 'string' ? node.value : undefined;
  if (text === undefined || text === '<<' || text === '__proto__')
    report(position, 'has a key that is not accepted', 'Use plain text as a key');
  else if (mapping.members.has(text))
    report(position, `has the key \`${text}\` twice`, 'Keep one of the two');
  return { text: text ?? '', position };
}

function close(open: Open): Node {
  const values = [...open.members].map(([key, node]) => [key, node.value] as const);
  return {
    position: open.position,
    members: open.members,
    value: open.kind === 'sequence' ? values.map(([, value]) => value) : Object.fromEntries(values),
  };
}

/** What the YAML 1.2 core schema makes of the plain scalars, in their order; a quoted one is text. */
function readPlainScalars(events: readonly Event[], source: string): readonly unknown[] {
  const absent = { anchorStart: -1, anchorEnd: -1, tagStart: -1, tagEnd: -1 };
  const plain = events.filter(isPlain).map((event) => ({ ...event, ...absent }));
  const document = { type: EVENT_ID.DOCUMENT, explicitStart: false, explicitEnd: false, directives: [] };
  const sequence = { type: EVENT_ID.SEQUENCE, start: 0, style: COLLECTION_STYLE.BLOCK, ...absent };
  const pop = { type: EVENT_ID.POP };
  return constructFromEvents([document, sequence, ...plain, pop, pop], { source })[0] as unknown[];
}

function isPlain(event: Event): event is ScalarEvent {
  return event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN;
}

function createLineIndex(text: string): (position: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (position) => {
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? Infinity) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
