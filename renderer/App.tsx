/** The frame around the screens: tabs above, the line of state below, and what lies over both. */
import { useEffect, useState, type ReactElement } from 'react';
import type { Result } from '#electron/contract/contract.ts';
import { layer, lookForAlterations } from './actions.ts';
import { AuditScreen } from './audit/Screen.tsx';
import { CurateScreen } from './curate/Screen.tsx';
import { Empty } from './design/Empty.tsx';
import { Icon, type IconName } from './design/Icon.tsx';
import { Keys } from './design/Keys.tsx';
import { FinetuneScreen } from './finetune/Screen.tsx';
import { IntegrityDialog } from './integrity/IntegrityDialog.tsx';
import { importDropped } from './library/library.ts';
import { LibraryScreen } from './library/Screen.tsx';
import { ModelsScreen } from './models/Screen.tsx';
import { Notices } from './Notices.tsx';
import { Palette } from './Palette.tsx';
import { ReportScreen } from './report/Screen.tsx';
import { ReviewScreen } from './review/Screen.tsx';
import { SimilarScreen } from './similar/Screen.tsx';
import { SettingsDialog } from './SettingsDialog.tsx';
import { Shortcuts } from './Shortcuts.tsx';
import type { ScreenName } from './workstation/action.ts';
import { call } from './workstation/call.ts';
import { goTo, navigation } from './workstation/navigation.ts';
import { tell } from './workstation/notices.ts';
import { useStore } from './workstation/store.ts';
import { subscribe } from './workstation/subscribe.ts';
import { useText } from './workstation/text.ts';

const screens: Readonly<Record<ScreenName, { readonly icon: IconName; readonly Screen: () => ReactElement }>> = {
  library: { icon: 'library', Screen: LibraryScreen },
  review: { icon: 'review', Screen: ReviewScreen },
  curate: { icon: 'check', Screen: CurateScreen },
  finetune: { icon: 'train', Screen: FinetuneScreen },
  report: { icon: 'report', Screen: ReportScreen },
  audit: { icon: 'shield', Screen: AuditScreen },
  models: { icon: 'models', Screen: ModelsScreen },
  similar: { icon: 'similar', Screen: SimilarScreen },
};

export function App(): ReactElement {
  const t = useText();
  const { screen, studyId } = useStore(navigation, (place) => place);
  const { Screen } = screens[screen];
  return (
    <DropZone>
      <div className="frame">
        <header className="bar">
          <div className="brand"><img src="./icon.svg" width={22} height={22} alt="" /><span>{t('app.name')}</span></div>
          <nav className="tabs" aria-label={t('app.name')}>
            {(Object.keys(screens) as ScreenName[]).map((name) => (
              <button key={name} className="tab" aria-current={name === screen ? 'page' : undefined} aria-label={t(`app.${name}`)} title={t(`app.${name}`)} disabled={name === 'review' && studyId === null} onClick={() => goTo({ screen: name })}>
                <Icon name={screens[name].icon} /><span className="tab-name">{t(`app.${name}`)}</span>
              </button>
            ))}
          </nav>
          <span className="grow" />
          <button className="search-button" onClick={() => layer.dispatch('palette')}><Icon name="search" size={14} /><span className="grow" style={{ textAlign: 'start' }}>{t('app.find')}</span><span aria-hidden="true"><Keys keys={['Ctrl', 'K']} /></span></button>
          {screen === 'review' && studyId !== null && <button className="icon-button" aria-label={t('integrity.title')} title={`${t('integrity.title')} (Shift+W)`} onClick={lookForAlterations}><Icon name="shield" size={17} /></button>}
          <button className="icon-button" aria-label={t('app.shortcuts')} title={`${t('app.shortcuts')} (?)`} onClick={() => layer.dispatch('shortcuts')}><Icon name="keyboard" size={18} /></button>
          <button className="icon-button" aria-label={t('app.settings')} title={`${t('app.settings')} (Ctrl+,)`} onClick={() => layer.dispatch('settings')}><Icon name="settings" size={17} /></button>
        </header>
        <main className="screen"><Screen /></main>
        <Foot />
      </div>
      <Palette />
      <Shortcuts />
      <SettingsDialog />
      <IntegrityDialog />
      <Notices />
    </DropZone>
  );
}

/** The whole window takes what is dropped. */
function DropZone({ children }: { readonly children: React.ReactNode }): ReactElement {
  const t = useText();
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    const enter = (event: DragEvent): void => {
      if (!carriesFiles(event)) return;
      depth++;
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (!carriesFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const over = (event: DragEvent): void => event.preventDefault();
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      depth = 0;
      setOver(false);
      if (event.dataTransfer) importDropped(event.dataTransfer);
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: over, drop } as const;
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name as 'drop', listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name as 'drop', listener);
    };
  }, []);
  return <>{children}{isOver && <div className="drop"><div><Icon name="import" size={40} /><strong>{t('library.dropHere')}</strong><p>{t('library.dropText')}</p></div></div>}</>;
}

function Foot(): ReactElement {
  const t = useText();
  const [about, setAbout] = useState<Result<'app.about'> | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    const ask = (): void => void call('app.about', null).then(setAbout, () => setAbout(null));
    ask();
    const beat = setInterval(ask, 30_000);
    const end = subscribe('app.worker', ({ name, state, why }) => {
      const text = t(state === 'restarted' ? 'app.restarted' : 'app.failed', { name });
      tell({ tone: state === 'restarted' ? 'warning' : 'bad', text: `${text} ${why}` });
      setTrouble(text);
    });
    return () => {
      clearInterval(beat);
      end();
    };
  }, [t]);
  return (
    <footer className="foot">
      <span className="research" role="note">{t('app.research')}</span>
      <span className="grow" />
      {trouble !== null && <span><span className="dot" data-tone="warning" />{trouble}</span>}
      {about && <span title={t('app.localTitle', { count: about.cancelledRequests })}><span className="dot" />{t('app.local')}</span>}
      {about && <span className="number">{t('app.version', about)}</span>}
    </footer>
  );
}

/** What stands there when a screen breaks: the rest of the window stays. */
export function Broken({ message }: { readonly message: string }): ReactElement {
  const t = useText();
  return <Empty icon="warning" title="Loupe" text={message}><button className="button" onClick={() => window.location.reload()}>{t('app.again')}</button></Empty>;
}
