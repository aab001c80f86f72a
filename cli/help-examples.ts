/** What `--help` prints below the options: commands to copy, without the `npx aduana` before each. */
export function examples(...commands: readonly string[]): string {
  const title = commands.length === 1 ? 'Example:' : 'Examples:';
  return ['', title, ...commands.map((command) => `  npx aduana ${command}`)].join('\n');
}
