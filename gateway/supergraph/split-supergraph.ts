import { SecurityError } from '@aduana/core/errors/security-error';
import { extractRequirements, type Requirements } from '@aduana/subgraph/graphql/requirements';
import {
  findSecurityDirectives,
  type SecurityDirectives,
} from '@aduana/subgraph/graphql/security-directives';
import { type ASTNode, type DocumentNode, Kind, parse, print, visit } from 'graphql';

export interface SplitSupergraph {
  /** Without the security features: enforces nothing by itself. */
  readonly sdl: string;
  readonly requirements: Requirements;
}

/**
 * Takes the requirements out of a supergraph and the security features off it, in one step:
 * what is removed must be what was read, or nothing is loaded.
 *
 * @throws SecurityError `SUPERGRAPH_INVALID`
 */
export function splitSupergraph(sdl: string): SplitSupergraph {
  const document = parseSdl(sdl);
  const names = findSecurityDirectives(document);
  const requirements = extractRequirements(document, names);
  const { stripped, removed } = strip(document, names);
  if (removed !== requirements.applications) {
    refuse(`${String(removed)} guards were removed, ${String(requirements.applications)} were read`);
  }
  return { sdl: print(stripped), requirements };
}

function parseSdl(sdl: string): DocumentNode {
  try {
    return parse(sdl);
  } catch (cause) {
    throw new SecurityError('SUPERGRAPH_INVALID', { detail: 'The SDL does not parse', cause });
  }
}

function strip(
  document: DocumentNode,
  names: SecurityDirectives,
): { stripped: DocumentNode; removed: number } {
  let removed = 0;
  const links = new Set<ASTNode>(names.links);
  const stripped = visit(document, {
    Directive(node) {
      if (links.has(node)) return null;
      if (!names.directives.has(node.name.value)) return undefined;
      removed += 1;
      return null;
    },
    DirectiveDefinition: ({ name }) => (names.directives.has(name.value) ? null : undefined),
    ScalarTypeDefinition: ({ name }) => (names.scalars.has(name.value) ? null : undefined),
    SchemaExtension: { leave: (node) => (isEmptyExtension(node) ? null : undefined) },
  });
  return { stripped, removed };
}

function isEmptyExtension(node: ASTNode): boolean {
  return (
    node.kind === Kind.SCHEMA_EXTENSION &&
    (node.directives ?? []).length === 0 &&
    (node.operationTypes ?? []).length === 0
  );
}

function refuse(detail: string): never {
  throw new SecurityError('SUPERGRAPH_INVALID', { detail });
}
