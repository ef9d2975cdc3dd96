/** Ctrl+K: every command that can be done now, and every study, by typing a part of its name. */
import { Modal } from '@mantine/core';
import { useEffect, useMemo, useState, type ReactElement } from 'react';
import { actions, isAvailable, layer } from './actions.ts';
import { Keys } from './design/Keys.tsx';
import { library, openStudy } from './library/library.ts';
import { actionKey } from './strings.ts';
import { keysOf } from './workstation/action.ts';
import { shortcutsOf } from './workstation/keymap.ts';
import { useStore } from './workstation/store.ts';
import { useText } from './workstation/text.ts';

interface Entry {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  readonly keys: readonly string[];
  readonly run: () => void;
}

export function Palette(): ReactElement {
  const isOpen = useStore(layer, (shown) => shown === 'palette');
  return (
    <Modal opened={isOpen} onClose={() => layer.dispatch('none')} withCloseButton={false} zIndex={400} size={600} yOffset="12vh" padding={0} transitionProps={{ duration: 80 }} overlayProps={{ backgroundOpacity: 0.5 }}>
      {isOpen && <Finder />}
    </Modal>
  );
}

function Finder(): ReactElement {
  const t = useText();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const rows = useStore(library, (state) => state.rows);
  const entries = useMemo((): readonly Entry[] => {
    const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
    const fits = (text: string): boolean => words.every((word) => text.toLowerCase().includes(word));
    const commands = actions.filter((action) => action.isKeyOnly !== true && isAvailable(action)).map((action) => ({ id: action.name, label: t(actionKey(action.name)), detail: '', keys: keysOf(shortcutsOf(action)[0] ?? ''), run: action.run }));
    const studies: Entry[] = [];
    for (const { study, words: text } of rows.values()) {
      if (studies.length >= 30) break;
      if (words.length > 0 && words.every((word) => text.includes(word))) studies.push({ id: study.id, label: study.patient || study.description, detail: [study.patient === '' ? '' : study.description, study.modalities.join(' ')].filter((part) => part !== '').join(' · '), keys: [], run: () => openStudy(study.id) });
    }
    return [...commands.filter(({ label }) => fits(label)), ...studies];
  }, [query, rows, t]);
  const choose = (entry: Entry | undefined): void => {
    if (!entry) return;
    layer.dispatch('none');
    // After the dialog gave the focus back.
    setTimeout(entry.run, 0);
  };
  useEffect(() => {
    // Braces: newer browsers give a promise here, and an effect must not.
    void document.getElementById(`found-${at}`)?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return (
    <div className="palette">
      <input
        data-autofocus="" role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant={`found-${at}`} aria-label={t('app.find')} placeholder={t('app.find')} value={query} autoComplete="off" spellCheck={false}
        onChange={(event) => {
          setQuery(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'ArrowUp') setAt(Math.min(entries.length - 1, Math.max(0, at + (event.key === 'ArrowDown' ? 1 : -1))));
          else if (event.key === 'Enter') choose(entries[at]);
          else return;
          event.preventDefault();
        }}
      />
      <ul id="found" role="listbox" aria-label={t('app.commands')}>
        {entries.length === 0 && <li aria-disabled="true">{t('app.nothingFound')}</li>}
        {entries.map((entry, index) => (
          <li key={entry.id} id={`found-${index}`} role="option" aria-selected={index === at} onPointerMove={() => setAt(index)} onClick={() => choose(entry)}>
            <span>{entry.label} <small>{entry.detail}</small></span>{entry.keys.length > 0 && <Keys keys={entry.keys} />}
          </li>
        ))}
      </ul>
    </div>
  );
}
