/** A failure in its three lines: what, why, and how to mend it. */
import type { ReactElement, ReactNode } from 'react';
import { Empty } from './Empty.tsx';

interface Shown {
  readonly what: string;
  readonly why: string;
  readonly mend: string;
}

export function FaultView({ fault, children }: { readonly fault: Shown; readonly children?: ReactNode }): ReactElement {
  return (
    <Empty icon="warning" title={fault.what} text={fault.why}>
      <p role="alert">{fault.mend}</p>
      {children}
    </Empty>
  );
}
