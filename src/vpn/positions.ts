/** Where something stands in a profile, and what every error about it says first. */

export interface Token {
  /** For values of PrivateKey and PresharedKey this is secret: it goes into no payload and no text. */
  readonly text: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters, byte order mark not counted. */
  readonly column: number;
}

/** Payload part shared by all errors with a position. */
export interface At {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export function at(file: string, token: Token): At {
  return { file, line: token.line, column: token.column };
}

export function place({ file, line, column }: At): string {
  return `${file}:${line}:${column}`;
}
