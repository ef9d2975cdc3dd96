/** The cheat sheet: every key that works, by screen, from the table that the keys themselves are read from. */
import type { ReactElement } from 'react';
import { actions, layer } from './actions.ts';
import { Dialog } from './design/Dialog.tsx';
import { Keys } from './design/Keys.tsx';
import { settings } from './settings.ts';
import { actionKey } from './strings.ts';
import { keysOf, type ScreenName } from './workstation/action.ts';
import { keymap, shortcutsOf } from './workstation/keymap.ts';
import { useStore } from './workstation/store.ts';
import { useText } from './workstation/text.ts';

const screens: readonly (ScreenName | undefined)[] = [undefined, 'library', 'review', 'report', 'curate', 'finetune', 'models', 'audit', 'similar'];

export function Shortcuts(): ReactElement {
  const t = useText();
  const isOpen = useStore(layer, (shown) => shown === 'shortcuts');
  const keys = useStore(keymap, (all) => all);
  const map = useStore(settings, (all) => all.keymap);
  return (
    <Dialog isOpen={isOpen} title={t('app.shortcuts')} size={860} isOnTop onClose={() => layer.dispatch('none')}>
      <p className="settings-hint">{t('settings.keymap')} {t(`settings.maps.${map}`)} <button className="text-button" onClick={() => layer.dispatch('settings')}>{t('app.settings')}</button></p>
      <div className="sheet">
        {screens.map((screen) => (
          <section key={screen ?? ''}>
            <h3>{t(screen === undefined ? 'app.everywhere' : `app.${screen}`)}</h3>
            {actions.filter((action) => action.screen === screen && shortcutsOf(action, keys).length > 0).map((action) => (
              <div key={action.name}><span>{t(actionKey(action.name))}</span><span>{shortcutsOf(action, keys).map((shortcut) => <span key={shortcut} style={{ marginInlineStart: 8 }}><Keys keys={keysOf(shortcut)} /></span>)}</span></div>
            ))}
          </section>
        ))}
      </div>
    </Dialog>
  );
}
