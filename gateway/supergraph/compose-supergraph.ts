import { SecurityError } from '@aduana/core/errors/security-error';
import { extractRequirements } from '@aduana/subgraph/graphql/requirements';
import { findSecurityDirectives } from '@aduana/subgraph/graphql/security-directives';
import { composeServices } from '@apollo/composition';
import { type DocumentNode, parse } from 'graphql';
import { type CompositionProblem, problemOf } from './composition-problem.ts';
import { type CoverageReport, reportCoverage, type KnownNames } from './coverage.ts';
import { findLostGuards } from './find-lost-guards.ts';
import { loadSupergraph } from './load-supergraph.ts';

export interface SubgraphSource {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
  /** Where the SDL comes from, for messages. */
  readonly origin: string;
}

export type Composition =
  | { readonly ok: true; readonly sdl: string; readonly report: CoverageReport }
  | { readonly ok: false; readonly problems: readonly CompositionProblem[] };

/** A hint about requirements that were merged by AND, which is what is wanted. */
const MERGED = 'MERGED_NON_REPEATABLE_DIRECTIVE_ARGUMENTS';
const GUARD_NAMES = /@(?:federation__)?(?:authenticated|requiresScopes|policy)\b/;

/**
 * Composes subgraphs and proves that no guard got lost on the way.
 *
 * @param known the permissions and policies that the IAM policies define; without it names are not compared
 */
export function composeSupergraph(sources: readonly SubgraphSource[], known?: KnownNames): Composition {
  const problems: CompositionProblem[] = [];
  const documents = sources.map((source) => readSubgraph(source, problems));
  if (problems.length > 0) return { ok: false, problems };

  const composed = composeServices(
    sources.map(({ name, url }, index) => ({ name, url, typeDefs: documentAt(documents, index) })),
  );
  if (composed.errors !== undefined) return { ok: false, problems: composed.errors.map(problemOf) };
  for (const hint of composed.hints) {
    if (hint.definition.code !== MERGED && concernsGuards(hint.message, documents)) {
      problems.push({ where: hint.definition.code, problem: hint.message });
    }
  }
  const sdl = `${composed.supergraphSdl}\n`;
  try {
    const { requirements, supergraphSchema } = loadSupergraph(sdl);
    sources.forEach(({ name, origin }, index) => {
      problems.push(
        ...findLostGuards(
          extractRequirements(documentAt(documents, index)),
          requirements,
          supergraphSchema,
          `${name} (${origin})`,
        ),
      );
    });
    if (problems.length > 0) return { ok: false, problems };
    return { ok: true, sdl, report: reportCoverage(supergraphSchema, requirements, known) };
  } catch (error) {
    return { ok: false, problems: [problemOf(error)] };
  }
}

function readSubgraph(
  { name, sdl, origin }: SubgraphSource,
  problems: CompositionProblem[],
): DocumentNode | undefined {
  try {
    const document = parse(sdl);
    extractRequirements(document);
    return document;
  } catch (error) {
    const { problem, where } = problemOf(error);
    problems.push({ where: `${name} (${origin}${where === '' ? '' : `:${where}`})`, problem });
    return undefined;
  }
}

function documentAt(documents: readonly (DocumentNode | undefined)[], index: number): DocumentNode {
  const document = documents[index];
  if (document === undefined)
    throw new SecurityError('SUPERGRAPH_INVALID', { detail: 'A subgraph was not read' });
  return document;
}

/** Directives may go by other names: those of the subgraphs' links count too. */
function concernsGuards(message: string, documents: readonly (DocumentNode | undefined)[]): boolean {
  return (
    GUARD_NAMES.test(message) ||
    documents.some(
      (document) =>
        document !== undefined &&
        [...findSecurityDirectives(document).directives.keys()].some((name) => message.includes(`@${name}`)),
    )
  );
}
