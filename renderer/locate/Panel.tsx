/** The panel beside the image: examples or a sentence above, what was searched and found below. */
import { useState, type ReactElement } from 'react';
import { Icon } from '#renderer/design/Icon.tsx';
import { useHint } from '#renderer/workstation/keymap.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, formatTime, useText } from '#renderer/workstation/text.ts';
import './locate.css';
import { accept, acceptedHere, addDrawn, direct, find, findMore, giveUp, here, keepCase, light, locating, nameOfThing, openPanel, reject, sentenceFieldId, stopSearching } from './locate.ts';
import { coverageOf, runsText, shownThings, type LocateState } from './state.ts';

const mostRows = 100;

export function LocatePanel(): ReactElement | null {
  const t = useText();
  const state = useStore(locating, (all) => all);
  if (!state.isOpen) return null;
  const { available, searching } = state;
  return (
    <aside className="locate-panel" aria-label={t('locate.title')}>
      <header>
        <h3>{t('locate.title')}</h3>
        <button className="icon-button" aria-label={t('locate.close')} onClick={() => openPanel(false)}><Icon name="close" size={14} /></button>
      </header>
      {available?.refusal && <p className="note" role="alert"><b>{t('locate.missing')}</b> {available.refusal.why} {available.refusal.mend}</p>}
      <Examples state={state} />
      <Kinds state={state} />
      <Sentence state={state} />
      {searching && <Progress state={state} />}
      {searching && <Results state={state} />}
      {searching && <KeepCase />}
    </aside>
  );
}

function Examples({ state: { examples, available } }: { readonly state: LocateState }): ReactElement {
  const t = useText();
  const key = useHint('locate.more', 'Shift+G');
  const place = here.get();
  const change = (id: string, isUnlike: boolean | null): void => locating.dispatch({
    type: 'examples', examples: isUnlike === null ? examples.filter((one) => one.id !== id) : examples.map((one) => (one.id === id ? { ...one, isUnlike } : one)),
  });
  const isAble = available?.localizer != null;
  return (
    <section>
      {examples.length === 0 ? <p className="hint">{t('locate.noExamples', { key })}</p> : (
        <ul className="examples" aria-label={t('locate.examples')}>
          {examples.map(({ id, frameId, isUnlike }) => (
            <li key={id} data-unlike={isUnlike || undefined}>
              <button className="chip" title={t('locate.swapExample')} onClick={() => change(id, !isUnlike)}>{t(isUnlike ? 'locate.unlike' : 'locate.like')}{(place?.frameIds.length ?? 1) > 1 && <span className="number"> {(place?.frameIds.indexOf(frameId) ?? 0) + 1}</span>}</button>
              <button className="icon-button" aria-label={t('locate.dropExample')} onClick={() => change(id, null)}><Icon name="close" size={11} /></button>
            </li>
          ))}
        </ul>
      )}
      <div className="locate-row">
        <button className="text-button" onClick={() => addDrawn(false)}>{t('locate.addLike')}</button>
        <button className="text-button" onClick={() => addDrawn(true)}>{t('locate.addUnlike')}</button>
      </div>
      <div className="locate-row">
        <button className="button" disabled={!isAble} onClick={() => findMore('view')}>{t(place?.isSlide === true ? 'locate.view' : 'locate.here')}</button>
        {(place?.isSlide === true || (place?.frameIds.length ?? 1) > 1) && <button className="button" data-primary="" disabled={!isAble} onClick={() => findMore('all')}>{t(place?.isSlide === true ? 'locate.slide' : 'locate.everywhere')} <kbd>{key}</kbd></button>}
      </div>
    </section>
  );
}

function Kinds({ state: { available } }: { readonly state: LocateState }): ReactElement | null {
  const t = useText();
  const kinds = available?.localizer?.kinds ?? [];
  if (kinds.length === 0) return null;
  return (
    <section>
      <h4>{t('locate.kinds')}</h4>
      <div className="locate-row kinds">{kinds.map(({ name }) => <button key={name} className="chip" onClick={() => void find({ kind: 'stored', name }, here.get()?.isSlide === true ? 'view' : 'all')}>{nameOfThing({ label: name })}</button>)}</div>
    </section>
  );
}

function Sentence({ state: { sentence, isThinking, directive, why } }: { readonly state: LocateState }): ReactElement {
  const t = useText();
  const words = directive?.words;
  return (
    <section>
      <h4><label htmlFor={sentenceFieldId}>{t('locate.sentence')}</label></h4>
      <form className="locate-row" onSubmit={(event) => {
        event.preventDefault();
        void direct();
      }}>
        <input
          id={sentenceFieldId} value={sentence} maxLength={400} placeholder={t('locate.sentenceHint')} onChange={(event) => locating.dispatch({ type: 'sentence', sentence: event.target.value })}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        <button type="submit" className="button" disabled={sentence.trim() === ''}>{t('locate.direct')}</button>
      </form>
      {isThinking && <p className="thinking" role="status"><span className="pulse" aria-hidden="true" />{t('locate.thinking')}<button className="text-button" onClick={giveUp}>{t('locate.giveUp')}</button></p>}
      {directive && (
        <p className="directive" data-version={directive.version} data-refused={directive.refusal?.code} title={directive.text}>
          {words ? t('locate.directed', { target: nameOfThing({ label: words.target }), side: t(`locate.side.${words.side}`), from: words.slice_from, to: words.slice_to }) : t('locate.refused', { why: directive.refusal?.why ?? '' })}
          <small className="number">{t('locate.version', { version: directive.version, until: formatTime(directive.expiresAt) })} · {directive.rewriter.name}</small>
        </p>
      )}
      {why !== null && !isThinking && <p className="note">{t('locate.lost', { why })}</p>}
    </section>
  );
}

/** Boxes that a person accepted are worth learning from. */
function KeepCase(): ReactElement | null {
  const t = useText();
  const [name, setName] = useState('');
  const things = acceptedHere();
  const [first] = things;
  if (!first) return null;
  const shown = name === '' && first.label !== null ? nameOfThing(first).toLowerCase() : name;
  return (
    <form className="locate-row keep-case" onSubmit={(event) => {
      event.preventDefault();
      if (shown.trim() !== '') void keepCase(shown.trim());
    }}>
      <input value={shown} maxLength={200} placeholder={t('locate.caseName')} aria-label={t('locate.caseName')} onChange={(event) => setName(event.target.value)} onKeyDown={(event) => event.stopPropagation()} />
      <button type="submit" className="button" disabled={shown.trim() === ''}>{t('locate.keepCase', { count: things.length })}</button>
    </form>
  );
}

function Progress({ state }: { readonly state: LocateState }): ReactElement | null {
  const t = useText();
  const { searching } = state;
  if (!searching) return null;
  const { done, total, end, blank, seconds } = searching;
  const count = shownThings(state).length;
  const place = here.get();
  const frames = place && place.seriesId === searching.seriesId && !place.isSlide && place.frameIds.length > 1 ? place.frameIds.length : 0;
  const coverage = coverageOf(state, frames);
  const [old, never] = [runsText(coverage, 'old'), runsText(coverage, 'never')];
  return (
    <section className="progress" data-end={end ?? 'running'}>
      <div className="locate-row" role="status">
        <span className="grow">{end === null ? t('locate.progress', { done, total: total || '…' }) : t(`locate.ended.${end}`, { count, seconds: formatNumber(seconds, 1) })}{blank > 0 ? ` · ${t('locate.blank', { count: blank })}` : ''}</span>
        {end === null && <button className="button" onClick={stopSearching}><Icon name="stop" size={12} />{t('locate.stop')}</button>}
      </div>
      {end === null && <div className="track"><div style={{ width: `${total > 0 ? (100 * done) / total : 0}%` }} /></div>}
      {frames > 0 && <div className="coverage" role="img" aria-label={t('locate.searched')} title={never === '' ? t('locate.covered') : t('locate.never', { numbers: never })}>{coverage.map((how, at) => <i key={at} data-how={how} data-here={at === place?.at || undefined} />)}</div>}
      {old !== '' && <small data-how="old">{t('locate.older', { numbers: old })}</small>}
      {frames > 0 && never !== '' && end !== null && <small data-how="never">{t('locate.never', { numbers: never })}</small>}
      <label className="least"><span>{t('locate.least')}</span><input type="range" min={5} max={95} step={1} value={Math.round(state.least * 100)} onChange={(event) => locating.dispatch({ type: 'least', least: Number(event.target.value) / 100 })} onPointerUp={(event) => event.currentTarget.blur()} onKeyDown={(event) => event.stopPropagation()} /><output className="number">{Math.round(state.least * 100)} %</output></label>
    </section>
  );
}

function Results({ state }: { readonly state: LocateState }): ReactElement {
  const t = useText();
  const things = shownThings(state);
  const place = here.get();
  return (
    <section className="results">
      {things.length === 0 && state.searching?.end != null && <p className="hint">{t('locate.nothing')}</p>}
      {things.length > 0 && <div className="locate-row"><button className="button" onClick={() => accept(things)}><Icon name="check" size={13} />{t('locate.acceptAll', { count: things.length })}</button></div>}
      <ol>
        {things.slice(0, mostRows).map((thing) => (
          <li key={thing.id} data-old={thing.isOld || undefined} title={thing.isOld ? t('locate.old') : undefined} data-lit={thing.id === state.litId || undefined}>
            <button className="jump" onClick={() => light(thing)}>
              <b>{nameOfThing(thing)}</b> <span className="number">{Math.round(thing.score * 100)} %</span>{(place?.frameIds.length ?? 1) > 1 && <small className="number">{t('locate.image', { number: (place?.frameIds.indexOf(thing.frameId) ?? 0) + 1 })}</small>}
            </button>
            <button className="icon-button" aria-label={t('locate.accept')} title={t('locate.accept')} onClick={() => accept([thing])}><Icon name="check" size={13} /></button>
            <button className="icon-button" aria-label={t('locate.reject')} title={t('locate.reject')} onClick={() => reject(thing)}><Icon name="close" size={12} /></button>
          </li>
        ))}
      </ol>
      {things.length > mostRows && <p className="hint">{t('locate.more', { count: things.length - mostRows })}</p>}
      {things.length > 0 && <p className="hint">{t('locate.scores')}</p>}
    </section>
  );
}
