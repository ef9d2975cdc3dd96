/** Texts that may name somebody: each is replaced or confirmed before the report leaves without its subject. */
import type { ReactElement, ReactNode } from 'react';
import type { SuspectText } from '#electron/contract/report.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { reports } from './report.ts';
import { openTexts } from './state.ts';

export function Suspects(): ReactElement {
  const t = useText();
  const exporting = useStore(reports, (state) => state.exporting);
  const { suspects, fault } = exporting;
  if (!suspects) return <p role="status" className="suspects">{fault ? '' : t('report.searching')}</p>;
  if (suspects.length === 0) return <p className="suspects" data-open={0}>{t('report.noSuspects')}</p>;
  const decide = (texts: Readonly<Record<string, string>>): void => reports.dispatch({ type: 'exporting', change: { texts: { ...exporting.texts, ...texts }, result: null, fault: null } });
  return (
    <div className="suspects" data-open={openTexts(exporting)}>
      <p>{t('report.suspects', { count: suspects.length })} <button type="button" className="button" onClick={() => decide(Object.fromEntries(suspects.map(({ path, proposed }) => [path, proposed])))}>{t('report.replaceAll')}</button></p>
      <ul>{suspects.map((suspect) => <Suspect key={suspect.path} suspect={suspect} decided={exporting.texts[suspect.path]} onDecide={(text) => decide({ [suspect.path]: text })} />)}</ul>
    </div>
  );
}

function Suspect({ suspect, decided, onDecide }: { readonly suspect: SuspectText; readonly decided: string | undefined; readonly onDecide: (text: string) => void }): ReactElement {
  const t = useText();
  const { path, where, text, proposed } = suspect;
  return (
    <li data-suspect={path} data-decided={decided === undefined ? undefined : decided === text ? 'kept' : 'replaced'}>
      <b>{where}</b>
      <p dir="auto">{marked(suspect)}</p>
      {decided !== undefined && decided !== text && <textarea aria-label={t('report.insteadOf', { where })} value={decided} rows={2} onChange={(event) => onDecide(event.currentTarget.value)} />}
      <span className="suspect-choices">
        <label className="choice"><input type="radio" name={path} checked={decided !== undefined && decided !== text} onChange={() => onDecide(proposed)} /><span>{t('report.replaceText')}</span></label>
        <label className="choice"><input type="radio" name={path} checked={decided === text} onChange={() => onDecide(text)} /><span>{t('report.namesNobody')}</span></label>
      </span>
    </li>
  );
}

/** The text with what may name somebody marked in it. */
function marked({ text, hits }: SuspectText): ReactNode {
  let from = 0;
  return [
    ...hits.flatMap(({ start, end, kind }) => {
      const before = text.slice(from, start);
      from = end;
      return [before, <mark key={start} title={kind}>{text.slice(start, end)}</mark>];
    }),
    text.slice(hits.at(-1)?.end ?? 0),
  ];
}
