/** What a place says while there is nothing in it: why, and what to do. */
import type { ReactElement, ReactNode } from 'react';
import { Icon, type IconName } from './Icon.tsx';

export function Empty({ icon, title, text, children }: { readonly icon: IconName; readonly title: string; readonly text?: string; readonly children?: ReactNode }): ReactElement {
  return (
    <div className="empty">
      <Icon name={icon} size={44} />
      <h2>{title}</h2>
      {text !== undefined && <p>{text}</p>}
      {children}
    </div>
  );
}
