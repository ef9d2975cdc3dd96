/** The cheat sheet: every key of the table, by screen. */
import type { ReactElement } from 'react';
import { actions, layer } from './actions.ts';
import { Dialog } from './design/Dialog.tsx';
import { Keys } from './design/Keys.tsx';
import { actionKey } from './strings.ts';
import { keysOf } from './workstation/action.ts';
import { useStore } from './workstation/store.ts';
import { useText } from './workstation/text.ts';

export function Shortcuts(): ReactElement {
  const t = useText();
  const isOpen = useStore(layer, (shown) => shown === 'shortcuts');
  const groups = [[undefined, t('app.everywhere')], ['library', t('app.library')], ['review', t('app.review')], ['curate', t('app.curate')], ['finetune', t('app.finetune')], ['models', t('app.models')]] as const;
  return (
    <Dialog isOpen={isOpen} title={t('app.shortcuts')} size={860} onClose={() => layer.dispatch('none')}>
      <div className="sheet">
        {groups.map(([screen, title]) => (
          <section key={title}>
            <h3>{title}</h3>
            {actions.filter((action) => action.screen === screen && action.shortcuts.length > 0).map(({ name, shortcuts }) => (
              <div key={name}><span>{t(actionKey(name))}</span><span>{shortcuts.map((shortcut) => <span key={shortcut} style={{ marginInlineStart: 8 }}><Keys keys={keysOf(shortcut)} /></span>)}</span></div>
            ))}
          </section>
        ))}
      </div>
    </Dialog>
  );
}
