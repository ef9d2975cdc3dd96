/** Which keys do what: a map that people bring along from another viewer, keys of their own, and where two actions would claim one key. */
import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { keymapNames, type KeymapName } from '#electron/contract/settings.ts';
import { actions, layer } from './actions.ts';
import { Dialog } from './design/Dialog.tsx';
import { Icon } from './design/Icon.tsx';
import { Keys } from './design/Keys.tsx';
import { conflictsOf, contexts, contextsOf, keymaps, type Conflict, type Context } from './keymaps.ts';
import { changeSettings, resolvedKeys, settings } from './settings.ts';
import { actionKey } from './strings.ts';
import { keysOf, shortcutOf, type Action } from './workstation/action.ts';
import { shortcutsOf } from './workstation/keymap.ts';
import { useStore } from './workstation/store.ts';
import { useText } from './workstation/text.ts';

export function SettingsDialog(): ReactElement {
  const t = useText();
  const isOpen = useStore(layer, (shown) => shown === 'settings');
  return <Dialog isOpen={isOpen} title={t('settings.title')} size={760} isOnTop onClose={() => layer.dispatch('none')}>{isOpen && <Body />}</Dialog>;
}

/** Actions by the first place where their keys work; those of everywhere apart. */
function groupsOf(): readonly (readonly [Context | 'everywhere', readonly Action[]])[] {
  const placeOf = (action: Action): Context | 'everywhere' => (action.screen === undefined && contextsOf(action).length === contexts.length ? 'everywhere' : contextsOf(action)[0] as Context);
  return (['everywhere', ...contexts] as const).map((place) => [place, actions.filter((action) => placeOf(action) === place)] as const).filter(([, list]) => list.length > 0);
}

function Body(): ReactElement {
  const t = useText();
  const current = useStore(settings, (all) => all);
  const [recording, setRecording] = useState<string | null>(null);
  const keys = resolvedKeys(current);
  const conflicts = conflictsOf(actions, keys);
  const own = Object.keys(current.keys).length;
  const record = ({ name }: Action) => (event: KeyboardEvent): void => {
    if (recording !== name) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Escape') return setRecording(null);
    const shortcut = event.key === 'Delete' || event.key === 'Backspace' ? null : shortcutOf(event);
    if (shortcut === undefined) return;
    changeSettings({ keys: { ...current.keys, [name]: shortcut === null ? [] : [shortcut] } });
    setRecording(null);
  };
  return (
    <div className="settings">
      <div className="settings-map">
        <label>{t('settings.keymap')}<select value={current.keymap} onChange={(event) => changeSettings({ keymap: event.target.value as KeymapName })}>{keymapNames.map((name) => <option key={name} value={name}>{t(`settings.maps.${name}`)}</option>)}</select></label>
        <p>{t(`settings.about.${current.keymap}`)}</p>
        {own > 0 && <button className="button" onClick={() => changeSettings({ keys: {} })}>{t('settings.reset', { count: own })}</button>}
      </div>
      {conflicts.length > 0 && (
        <div className="settings-conflicts" role="alert"><strong><Icon name="warning" />{t('settings.conflicts', { count: conflicts.length })}</strong>
          <ul>{conflicts.map(({ key, context, names }) => <li key={`${context}/${key}`}><Keys keys={keysOf(key)} /> {t(`settings.contexts.${context}`)}: {names.map((name) => t(actionKey(name))).join(' · ')}</li>)}</ul>
        </div>
      )}
      <p className="settings-hint">{t('settings.hint')}</p>
      {groupsOf().map(([place, list]) => (
        <section key={place}>
          <h3>{t(place === 'everywhere' ? 'app.everywhere' : `settings.contexts.${place}`)}</h3>
          {list.map((action) => (
            <div key={action.name} className="settings-row" data-own={Object.hasOwn(current.keys, action.name) ? '' : undefined} data-departs={Object.hasOwn(keymaps[current.keymap], action.name) ? '' : undefined} data-conflict={isIn(conflicts, action.name) ? '' : undefined}>
              <span>{t(actionKey(action.name))}</span>
              <button className="settings-key" data-action={action.name} aria-label={t('settings.change', { name: t(actionKey(action.name)) })} aria-pressed={recording === action.name} onClick={() => setRecording(action.name)} onKeyDown={record(action)} onBlur={() => setRecording(null)}>
                {recording === action.name ? t('settings.press') : shortcutsOf(action, keys).length === 0 ? t('settings.none') : shortcutsOf(action, keys).map((shortcut) => <Keys key={shortcut} keys={keysOf(shortcut)} />)}
              </button>
            </div>
          ))}
        </section>
      ))}
    </div>
  );
}

const isIn = (conflicts: readonly Conflict[], name: string): boolean => conflicts.some(({ names }) => names.includes(name));
