import { z } from 'zod';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';

/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that `shape` names; an empty value counts as absent.
 *
 * @throws ConfigurationError with every problem at once; no message holds the value of a secret
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: Environment,
): z.output<z.ZodObject<Shape>> {
  const input = Object.fromEntries(
    Object.keys(shape).map((name) => [name, environment[name] === '' ? undefined : environment[name]]),
  );
  const parsed = z.object(shape).safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConfigurationError(parsed.error.issues.map(toProblem));
}

function toProblem(issue: z.core.$ZodIssue): ConfigurationProblem {
  const name = String(issue.path[0] ?? 'environment');
  return { subject: name, problem: issue.message, remedy: `See ${name} in docs/configuration.md` };
}
