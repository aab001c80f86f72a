import { SecurityError } from '@aduana/core/errors/security-error';
import { NESTING_LIMIT } from '../limits/measure-document.ts';
import { GraphQLError, Lexer, type Source, type Token, TokenKind } from 'graphql';

const OPENS: ReadonlySet<string> = new Set([TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L]);
const CLOSES: ReadonlySet<string> = new Set([TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R]);

/**
 * Counts tokens, and brackets within brackets (of selections, values and types alike), before the parser
 * descends into them; what is no token is left for the parser to explain.
 *
 * @param limit lexical tokens, comments apart
 * @throws SecurityError `LIMIT_TOKENS_EXCEEDED`, `LIMIT_DEPTH_EXCEEDED`
 */
export function checkTokens(source: Source, limit: number | 'off'): void {
  const lexer = new Lexer(source);
  let tokens = 0;
  let depth = 0;
  for (let token = nextToken(lexer); token !== undefined; token = nextToken(lexer)) {
    tokens += 1;
    if (limit !== 'off' && tokens > limit) throw new SecurityError('LIMIT_TOKENS_EXCEEDED');
    if (OPENS.has(token.kind)) depth += 1;
    else if (CLOSES.has(token.kind)) depth -= 1;
    if (depth > NESTING_LIMIT)
      throw new SecurityError('LIMIT_DEPTH_EXCEEDED', { detail: `nested beyond ${String(NESTING_LIMIT)}` });
  }
}

/** Undefined at the end, and where the text is none of GraphQL. */
function nextToken(lexer: Lexer): Token | undefined {
  try {
    const token = lexer.advance();
    return token.kind === TokenKind.EOF ? undefined : token;
  } catch (error) {
    if (error instanceof GraphQLError) return undefined;
    throw error;
  }
}
