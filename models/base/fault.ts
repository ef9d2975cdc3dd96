/** A failure that a person can act on. */

export interface FaultFields {
  /** Stable, machine-readable: `dicom.truncated`, `weights.shape`. */
  readonly code: string;
  /** What did not work, naming the thing. */
  readonly what: string;
  /** The reason, in words of the domain. */
  readonly why: string;
  /** What to do about it. */
  readonly mend: string;
}

/** Thrown for every expected failure; anything else that is thrown is a bug. It crosses process borders as its four fields. */
export class Fault extends Error implements FaultFields {
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly mend: string;

  constructor({ code, what, why, mend }: FaultFields, options?: ErrorOptions) {
    super(`${what} ${why} ${mend}`, options);
    this.name = 'Fault';
    this.code = code;
    this.what = what;
    this.why = why;
    this.mend = mend;
  }

  toJSON(): FaultFields {
    return { code: this.code, what: this.what, why: this.why, mend: this.mend };
  }
}
