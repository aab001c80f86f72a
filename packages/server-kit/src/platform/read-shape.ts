import type { z } from 'zod';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import type { YamlDocument } from './yaml-document.ts';

/**
 * Reads a document by its shape.
 *
 * @param guide the page of `docs/` that describes the shape
 * @throws ConfigurationError with every place where it differs, each as `file:line`
 */
export function readShape<Shape extends z.ZodType>(
  shape: Shape,
  document: YamlDocument,
  guide: string,
): z.output<Shape> {
  const parsed = shape.safeParse(document.value);
  if (parsed.success) return parsed.data;
  throw new ConfigurationError(parsed.error.issues.flatMap((issue) => toProblems(issue, document, guide)));
}

function toProblems(
  issue: z.core.$ZodIssue,
  document: YamlDocument,
  guide: string,
): readonly ConfigurationProblem[] {
  const at = issue.path.length === 0 ? 'the file' : `\`${issue.path.map(String).join('.')}\``;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      subject: document.locate([...issue.path, key]),
      problem: `${at} has the unknown key \`${key}\``,
      remedy: 'Remove it or correct its spelling',
    }));
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [
    {
      subject: document.locate(issue.path),
      problem: `${at}: ${message}`,
      remedy: `See docs/${guide}`,
    },
  ];
}
