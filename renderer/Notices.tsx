/** What was done or went wrong just now. */
import type { ReactElement } from 'react';
import { Icon } from './design/Icon.tsx';
import { notices } from './workstation/notices.ts';
import { useStore } from './workstation/store.ts';
import { useText } from './workstation/text.ts';

export function Notices(): ReactElement {
  const t = useText();
  const list = useStore(notices, (all) => all);
  return (
    <div className="notices" aria-live="polite">
      {list.map(({ id, tone, text, fault, undo }) => (
        <div key={id} className="notice" data-tone={tone} role={tone === 'bad' ? 'alert' : 'status'}>
          <span>{text}</span>
          <span>
            {undo && <button className="text-button" onClick={() => {
              undo();
              notices.dispatch({ drop: id });
            }}>{t('app.undo')}</button>}
            <button className="icon-button" style={{ width: 20, height: 20 }} aria-label={t('app.dismiss')} onClick={() => notices.dispatch({ drop: id })}><Icon name="close" size={12} /></button>
          </span>
          {fault && <p>{fault.why}</p>}
          {fault && <p>{fault.mend}</p>}
        </div>
      ))}
    </div>
  );
}
