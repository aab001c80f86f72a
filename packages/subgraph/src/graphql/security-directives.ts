import {
  type ConstDirectiveNode,
  type ConstValueNode,
  type DocumentNode,
  Kind,
  valueFromASTUntyped,
} from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';

/** A directive of Apollo Federation that guards a field or a type, by its name in the specification. */
export type SecurityFeature = 'authenticated' | 'requiresScopes' | 'policy';

/** What a document calls the three directives and their scalars, and which `@link` brings each in. */
export interface SecurityDirectives {
  readonly directives: ReadonlyMap<string, SecurityFeature>;
  readonly scalars: ReadonlySet<string>;
  /** The `@link` (or `@core`) applications that import a security feature on its own, as a supergraph does. */
  readonly links: ReadonlySet<ConstDirectiveNode>;
}

interface Link {
  readonly node: ConstDirectiveNode;
  readonly identity: string;
  readonly version: string;
  /** Prefix of what is not imported by name. */
  readonly prefix: string;
  readonly imports: ReadonlyMap<string, string>;
}

const SPECS = 'https://specs.apollo.dev/';
const LINKING = new Set([`${SPECS}link`, `${SPECS}core`]);
const FEATURES: readonly SecurityFeature[] = ['authenticated', 'requiresScopes', 'policy'];
const SCALARS: Partial<Record<SecurityFeature, string>> = { requiresScopes: 'Scope', policy: 'Policy' };

/**
 * Resolves the names of `@authenticated`, `@requiresScopes` and `@policy` through `@link`:
 * renames, import objects and prefixes included. Takes a supergraph (one link per feature)
 * as well as a subgraph (all of them through the federation link).
 *
 * @throws SecurityError `SUPERGRAPH_INVALID` for a version that is not known, or a name that looks like
 *   a guard and is none
 */
export function findSecurityDirectives(document: DocumentNode): SecurityDirectives {
  const links = readLinks(document);
  const directives = new Map<string, SecurityFeature>();
  const scalars = new Set<string>();
  const own = new Set<ConstDirectiveNode>();
  for (const link of links) {
    const feature = FEATURES.find((name) => link.identity === `${SPECS}${name}`);
    if (feature !== undefined) {
      if (link.version !== 'v0.1') refuse(`${link.identity} ${link.version} is not a known version`);
      own.add(link.node);
      add(feature, link.imports.get(`@${feature}`) ?? link.prefix);
      addScalar(feature, link);
    } else if (link.identity === `${SPECS}federation` && link.version.startsWith('v2.')) {
      for (const name of FEATURES) {
        add(name, link.imports.get(`@${name}`) ?? `${link.prefix}__${name}`);
        addScalar(name, link);
      }
    }
  }
  refuseLookalikes(document, directives, links);
  return { directives, scalars, links: own };

  function add(feature: SecurityFeature, name: string): void {
    directives.set(name, feature);
  }
  function addScalar(feature: SecurityFeature, link: Link): void {
    const scalar = SCALARS[feature];
    if (scalar !== undefined) scalars.add(link.imports.get(scalar) ?? `${link.prefix}__${scalar}`);
  }
}

function readLinks(document: DocumentNode): Link[] {
  const applied = document.definitions.flatMap((definition) =>
    definition.kind === Kind.SCHEMA_DEFINITION || definition.kind === Kind.SCHEMA_EXTENSION
      ? (definition.directives ?? [])
      : [],
  );
  const parsed = applied.flatMap((node) => {
    const link = readLink(node);
    return link === undefined ? [] : [link];
  });
  const linkNames = new Set(
    parsed
      .filter(({ identity, node, prefix }) => LINKING.has(identity) && prefix === node.name.value)
      .map(({ prefix }) => prefix),
  );
  if (linkNames.size === 0) linkNames.add('link');
  return parsed.filter(({ node }) => linkNames.has(node.name.value));
}

function readLink(node: ConstDirectiveNode): Link | undefined {
  const values = new Map(node.arguments?.map(({ name, value }) => [name.value, value]));
  const url = text(values.get('url') ?? values.get('feature'));
  const [, identity, name, version] =
    /^(https?:\/\/(?:[^/]*\/)*([^/]+))\/(v\d+\.\d+)\/?$/.exec(url ?? '') ?? [];
  if (identity === undefined || name === undefined || version === undefined) return undefined;
  return {
    node,
    identity,
    version,
    prefix: text(values.get('as')) ?? name,
    imports: readImports(values.get('import')),
  };
}

function readImports(value: ConstValueNode | undefined): Map<string, string> {
  const entries: unknown = value === undefined ? [] : valueFromASTUntyped(value);
  const imports = new Map<string, string>();
  for (const entry of Array.isArray(entries) ? (entries as unknown[]) : []) {
    if (typeof entry === 'string') imports.set(entry, bare(entry));
    else if (
      typeof entry === 'object' &&
      entry !== null &&
      'name' in entry &&
      typeof entry.name === 'string'
    ) {
      imports.set(entry.name, bare('as' in entry && typeof entry.as === 'string' ? entry.as : entry.name));
    }
  }
  return imports;
}

/** A directive that is named like a guard, and that no link makes one, would be lost without a word. */
function refuseLookalikes(
  document: DocumentNode,
  directives: ReadonlyMap<string, SecurityFeature>,
  links: readonly Link[],
): void {
  const foreign = new Set(links.flatMap(({ imports, prefix }) => [...imports.values(), prefix]));
  const suspicious = /(?:^|__)(?:authenticated|requiresScopes|policy)$/;
  for (const definition of document.definitions) {
    const declared = definition.kind === Kind.DIRECTIVE_DEFINITION ? [definition] : [];
    const fields = 'fields' in definition ? (definition.fields ?? []) : [];
    const used = [definition, ...fields].flatMap((node) =>
      'directives' in node ? (node.directives ?? []) : [],
    );
    for (const { name, loc } of [...declared, ...used]) {
      if (!suspicious.test(name.value) || directives.has(name.value) || foreign.has(name.value)) continue;
      const at = loc === undefined ? '' : ` (line ${String(loc.startToken.line)})`;
      refuse(`@${name.value}${at} is not imported through @link: it would guard nothing`);
    }
  }
}

function text(value: ConstValueNode | undefined): string | undefined {
  return value?.kind === Kind.STRING ? value.value : undefined;
}

function bare(name: string): string {
  return name.startsWith('@') ? name.slice(1) : name;
}

function refuse(detail: string): never {
  throw new SecurityError('SUPERGRAPH_INVALID', { detail });
}
