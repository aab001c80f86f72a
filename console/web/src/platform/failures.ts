/** A part of the deployment does not answer; whoever shows this asks again by itself. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  /** Names such as `gateway`, `sts`, `audit`. */
  readonly parts: readonly string[];

  constructor(parts: readonly string[]) {
    super('A part of the deployment does not answer');
    this.parts = parts;
  }
}

/** The session has ended. */
export class SessionEndedError extends Error {
  override readonly name = 'SessionEndedError';
}

/** A refusal or a failure with its code. */
export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
