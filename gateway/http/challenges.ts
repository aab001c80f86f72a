import { isFromBrowser } from '@aduana/core/http/browser-rules';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';

/** What a caller may show; of a token that was shown, that it does not hold (RFC 6750 section 3, RFC 9449 section 7.1). */
export function challengesFor(request: ServiceRequest): readonly string[] {
  const { authorization = '' } = request.headers;
  const bearer = /^bearer /i.test(authorization) ? 'Bearer error="invalid_token"' : 'Bearer';
  const tokens = /^dpop /i.test(authorization) ? ['DPoP error="invalid_token"', bearer] : [bearer];
  return isFromBrowser(request) ? tokens : [...tokens, 'Basic realm="aduana", charset="UTF-8"'];
}

/** The answer with what a login would have to be for what it refuses (RFC 9470 section 3). */
export function withChallenges(
  { headers: { authorization = '' } }: ServiceRequest,
  answers: readonly { readonly challenge?: string | undefined }[],
  response: ServiceResponse,
): ServiceResponse {
  const challenges = [...new Set(answers.flatMap(({ challenge }) => challenge ?? []))];
  if (challenges.length === 0) return response;
  const scheme = /^dpop /i.test(authorization) ? 'DPoP' : 'Bearer';
  const header = challenges.map((challenge) => `${scheme} ${challenge}`);
  return { ...response, headers: { ...response.headers, 'www-authenticate': header } };
}
